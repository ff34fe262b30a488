"""What get_items returns: which items, in which order, and whose objects they are."""

# ruff: noqa: D401 - the docstring of a case is its promise

import unittest
from typing import Any, Final

from eventlog_session_conformance.case import Bench, Collection, contents, expect, said

case: Final = Collection()

_ALL: Final = 2_147_483_647
"""What the SDK's compaction asks for where it means everything."""


async def _five(it: Bench) -> Any:
    session = await it.session()
    await session.add_items([said(1), said(2)])
    await session.add_items([said(3), said(4), said(5)])
    return session


@case("memory/session.py:66")
async def a_new_session_is_empty(it: Bench) -> None:
    """Reading what is not there gives an empty list, whatever the limit."""
    session = await it.session()
    for limit in (None, 0, 1, _ALL):
        expect(await session.get_items(limit), [], f"get_items({limit}) of a new session")


@case("memory/session.py:66")
async def items_keep_their_order(it: Bench) -> None:
    """Batch after batch, and in the order of each batch."""
    expect(contents(await (await _five(it)).get_items()), [1, 2, 3, 4, 5], "get_items()")


@case("memory/session.py:66")
async def many_batches_keep_their_order(it: Bench) -> None:
    """Order is that of the calls, not of a clock that cannot tell them apart."""
    session = await it.session()
    for n in range(0, 40, 2):
        await session.add_items([said(n), said(n + 1)])
    expect(contents(await session.get_items()), list(range(40)), "get_items() after 20 batches")
    expect(contents(await session.get_items(7)), list(range(33, 40)), "get_items(7)")


@case("extensions/memory/encrypt_session.py:367")
async def a_limit_by_position_gives_the_latest(it: Bench) -> None:
    """get_items(2): EncryptedSession and the compaction session pass it like that."""
    session = await _five(it)
    for limit in (1, 2, 3, 5):
        expected = [1, 2, 3, 4, 5][-limit:]
        expect(contents(await session.get_items(limit)), expected, f"get_items({limit})")


@case("run_internal/session_persistence.py:281")
async def a_limit_by_name_gives_the_latest(it: Bench) -> None:
    """get_items(limit=2): the Runner passes it like that."""
    session = await _five(it)
    for limit in (1, 2, 3, 5):
        expected = [1, 2, 3, 4, 5][-limit:]
        expect(
            contents(await session.get_items(limit=limit)), expected, f"get_items(limit={limit})"
        )


@case("memory/session.py:70")
async def a_limit_of_zero_gives_nothing(it: Bench) -> None:
    """Zero is a limit, not the absence of one."""
    expect(await (await _five(it)).get_items(0), [], "get_items(0)")


@case("memory/session.py:70")
async def a_limit_beyond_the_list_gives_everything(it: Bench) -> None:
    """More than there is is no error."""
    session = await _five(it)
    for limit in (6, 1000):
        expect(contents(await session.get_items(limit)), [1, 2, 3, 4, 5], f"get_items({limit})")


@case("memory/openai_responses_compaction_session.py:38")
async def the_biggest_limit_gives_everything(it: Bench) -> None:
    """2_147_483_647 is how the compaction session says everything, whatever the default."""
    session = await _five(it)
    expect(contents(await session.get_items(limit=_ALL)), [1, 2, 3, 4, 5], f"get_items({_ALL})")


@case("memory/sqlite_session.py:323")
async def a_negative_limit_means_what_was_agreed(it: Bench) -> None:
    """Everything, as in SQLiteSession, unless Options.negative_limit says otherwise."""
    if it.options.negative_limit == "any":
        raise unittest.SkipTest("a negative limit may mean anything (Options.negative_limit)")
    session = await _five(it)
    expected = [1, 2, 3, 4, 5] if it.options.negative_limit == "all" else []
    for limit in (-1, -3):
        expect(contents(await session.get_items(limit)), expected, f"get_items({limit})")


@case("run_internal/session_persistence.py:498")
async def a_limit_may_part_a_call_from_its_output(it: Bench) -> None:
    """The Runner mends what a limit tore apart; a session counts items and nothing else."""
    session = await it.session()
    call: Any = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    output: Any = {"type": "function_call_output", "call_id": "c1", "output": "1"}
    await session.add_items([said(1), call, output])
    expect(await session.get_items(1), [output], "get_items(1) of a call and its output")


@case("memory/session.py:66")
async def a_read_returns_plain_lists_and_dicts(it: Bench) -> None:
    """`get_items` gives a list of dicts, not something that only resembles them."""
    session = await it.session()
    item: Any = {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    await session.add_items([item])
    read: Any = await session.get_items()
    kinds = [type(each).__name__ for each in (read, read[0], read[0]["content"])]
    expect(kinds, ["list", "dict", "list"], "the types of the list, an item and its content")


async def _nested(it: Bench) -> tuple[Any, Any]:
    session = await it.session()
    item: Any = {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    await session.add_items([item])
    return session, item


@case("run_internal/session_persistence.py:471")
async def each_read_returns_a_list_of_its_own(it: Bench) -> None:
    """Who changes a list that was returned changes no later one."""
    session, item = await _nested(it)
    read = await session.get_items()
    read.append("more")
    del read[0]["role"]
    expect(await session.get_items(), [item], "a read after the result of another was changed")


@case("run_internal/session_persistence.py:471")
async def each_read_returns_nested_objects_of_its_own(it: Bench) -> None:
    """Who changes what is deep inside a result changes no later result."""
    session, item = await _nested(it)
    read = await session.get_items()
    read[0]["content"][0]["text"] = "changed"
    read[0]["content"].append("more")
    expect(await session.get_items(), [item], "a read after the inside of another was changed")
    expect(await session.pop_item(), item, "a pop after the inside of a read was changed")


@case("run_internal/session_persistence.py:471", "shared")
async def instances_share_no_objects(it: Bench) -> None:
    """What one session's reader changes is unchanged for another session's."""
    session, item = await _nested(it)
    other = await it.session()
    first: Any = await other.get_items()
    first[0]["content"][0]["text"] = "changed"
    expect(await session.get_items(), [item], "a read of another instance")


@case("memory/session.py:66")
async def reading_changes_nothing(it: Bench) -> None:
    """A read twice is the same twice, also with limits in between."""
    session = await _five(it)
    for limit in (None, 2, 0, None, 4):
        await session.get_items(limit)
    expect(contents(await session.get_items()), [1, 2, 3, 4, 5], "get_items() after other reads")
