"""Several callers at once, through one session or through several of one id."""

# ruff: noqa: D401 - the docstring of a case is its promise

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, Final

from agents import Session

from eventlog_session_conformance.case import Bench, Collection, contents, expect, said

case: Final = Collection()

_TASKS: Final = 6
_BATCHES: Final = 3
_SIZE: Final = 3


def batch(writer: int, number: int) -> list[Any]:
    """Make a batch that can be told from every other."""
    return [said([writer, number, part]) for part in range(_SIZE)]


def expect_whole_batches(items: list[Any], what: str) -> list[tuple[int, int]]:
    """Raise BrokenPromiseError unless the items are batches in one piece each; return which."""
    said_ones = contents(items)
    found = [said_ones[start : start + _SIZE] for start in range(0, len(said_ones), _SIZE)]
    for each in found:
        whole = [[*each[0][:2], part] for part in range(_SIZE)]
        expect(each, whole, f"{what}: the items of one batch, side by side")
    return [(each[0][0], each[0][1]) for each in found]


async def _add_at_once(sessions: Sequence[Session]) -> None:
    async def add(writer: int, session: Session) -> None:
        for number in range(_BATCHES):
            await session.add_items(batch(writer, number))

    await asyncio.gather(*[add(writer, session) for writer, session in enumerate(sessions)])


async def _expect_all_batches(session: Session, writers: int) -> None:
    stored = expect_whole_batches(await session.get_items(), "batches added at the same time")
    for writer in range(writers):
        numbers = [number for who, number in stored if who == writer]
        expect(numbers, list(range(_BATCHES)), f"the batches of writer {writer}, in its order")
    expect(len(stored), writers * _BATCHES, "the number of batches")


@case("session-persistence.md: a failed or concurrent batch")
async def batches_of_several_tasks_stay_whole(it: Bench) -> None:
    """Each batch is there once, in one piece, and each task's batches in its order."""
    session = await it.session()
    await _add_at_once([session] * _TASKS)
    await _expect_all_batches(session, _TASKS)


@case("session-persistence.md: a failed or concurrent batch", "shared")
async def batches_of_several_instances_stay_whole(it: Bench) -> None:
    """As above, through sessions that know nothing of each other."""
    sessions = [await it.session() for _ in range(_TASKS)]
    for session in sessions:
        await session.get_items()
    await _add_at_once(sessions)
    await _expect_all_batches(sessions[0], _TASKS)


@case("issues 3820, 4205", "shared")
async def first_writers_do_not_race(it: Bench) -> None:
    """Several sessions that are first at the same time begin one conversation."""
    sessions = [await it.session() for _ in range(_TASKS)]
    await asyncio.gather(*[each.add_items(batch(n, 0)) for n, each in enumerate(sessions)])
    stored = expect_whole_batches(await sessions[0].get_items(), "batches of first writers")
    expect(sorted(stored), [(n, 0) for n in range(_TASKS)], "the batches of all first writers")


@case("memory/session.py:75")
async def a_read_sees_whole_batches_only(it: Bench) -> None:
    """Whoever reads while somebody adds sees all of a batch or nothing of it."""
    session = await it.session()
    adding = asyncio.gather(*[session.add_items(batch(0, number)) for number in range(6)])
    while not adding.done():
        expect_whole_batches(await session.get_items(), "a read while batches are added")
        await asyncio.sleep(0)
    await adding
    expect(len(await session.get_items()), 6 * _SIZE, "the number of items in the end")


@case("memory/session.py:66")
async def a_read_sees_the_list_of_one_moment(it: Bench) -> None:
    """Whoever reads while somebody clears and adds sees what was there before or after, unmixed."""
    session = await it.session()
    await session.add_items(batch(0, 0))

    async def exchange() -> None:
        for number in range(1, 6):
            await session.clear_session()
            await session.add_items(batch(0, number))

    exchanging = asyncio.ensure_future(exchange())
    while not exchanging.done():
        what = "a read while a batch is exchanged for another"
        seen = expect_whole_batches(await session.get_items(), what)
        expect(len(seen[1:]), 0, f"{what}: the number of batches beyond one")
        await asyncio.sleep(0)
    await exchanging
    expect(await session.get_items(), batch(0, 5), "get_items() in the end")


@case("memory/sqlite_session.py:487")
async def pops_at_the_same_time_take_different_items(it: Bench) -> None:
    """Each item goes to one caller; who comes too late gets None."""
    session = await it.session()
    await _pop_at_once(session, [session] * 8)


@case("memory/sqlite_session.py:487", "shared")
async def pops_of_several_instances_take_different_items(it: Bench) -> None:
    """As above, through sessions that know nothing of each other."""
    sessions = [await it.session() for _ in range(8)]
    await _pop_at_once(sessions[0], sessions)


async def _pop_at_once(session: Session, sessions: Sequence[Session]) -> None:
    await session.add_items([said(n) for n in range(3)])
    await session.add_items([said(n) for n in range(3, 6)])
    popped: list[Any] = await asyncio.gather(*[each.pop_item() for each in sessions])
    taken = sorted(contents([item for item in popped if item is not None]))
    expect(taken, list(range(6)), "what eight pops of six items returned")
    expect(await session.get_items(), [], "what is left")


@case("memory/sqlite_session.py:487")
async def adds_and_pops_at_the_same_time_lose_nothing(it: Bench) -> None:
    """What was added is either popped or still there."""
    session = await it.session()
    await session.add_items([said(n) for n in range(4)])
    adds = [session.add_items([said(n)]) for n in range(4, 10)]
    pops = [session.pop_item() for _ in range(4)]
    answers: list[Any] = await asyncio.gather(
        *itertools.chain(*zip(adds, pops, strict=False), adds[4:])
    )
    kept = contents([item for item in answers if item]) + contents(await session.get_items())
    expect(sorted(kept), list(range(10)), "what was popped and what is left")


@case("memory/session.py:94")
async def a_clear_never_parts_a_batch(it: Bench) -> None:
    """A batch that is added while somebody clears is there whole, or not at all."""
    session = await it.session()
    for _ in range(4):
        await session.add_items(batch(0, 0))
        await asyncio.gather(
            session.add_items(batch(1, 0)), session.clear_session(), session.add_items(batch(2, 0))
        )
        stored = expect_whole_batches(await session.get_items(), "batches added during a clear")
        before = [each for each in stored if each == (0, 0)]
        expect(before, [], "what is left of a batch added before the clear")
        await session.clear_session()


@case("run_internal/session_persistence.py:1526", "shared")
async def an_instance_sees_what_another_wrote(it: Bench) -> None:
    """A resumed run reads what another process wrote: nothing read before is remembered."""
    one, other = await it.session(), await it.session()
    expect(await other.get_items(), [], "the other instance before")
    await one.add_items([said(1), said(2)])
    expect(contents(await other.get_items()), [1, 2], "the other instance after an add")
    expect(contents(await other.get_items(1)), [2], "its get_items(1)")
    await other.add_items([said(3)])
    expect(contents(await one.get_items()), [1, 2, 3], "the first instance after the other's add")
    expect(await one.pop_item(), said(3), "the first instance's pop of the other's item")
    expect(contents(await other.get_items()), [1, 2], "the other instance after that pop")


@case("run_internal/session_persistence.py:1526", "shared")
async def an_instance_sees_what_another_removed(it: Bench) -> None:
    """Items that somebody else cleared are neither read nor popped, nor do they come back."""
    one, other = await it.session(), await it.session()
    await one.add_items([said(1), said(2)])
    await other.get_items()
    await one.clear_session()
    expect(await other.get_items(), [], "the other instance after a clear")
    expect(await other.pop_item(), None, "the other instance's pop after a clear")
    await one.add_items([said(3)])
    await other.add_items([said(4)])
    for session in (one, other, await it.session()):
        expect(
            contents(await session.get_items()), [3, 4], "each instance after a clear and two adds"
        )


@case("run_internal/session_persistence.py:1526", "shared")
async def an_instance_sees_what_another_exchanged(it: Bench) -> None:
    """A list that is as long as before, and ends as before, may still be another."""
    one, other = await it.session(), await it.session()
    await one.add_items([said(1), said(2), said(3)])
    for limit in (None, 2):
        await other.get_items(limit)
    await one.pop_item()
    await one.pop_item()
    await one.add_items([said(4), said(3)])
    expect(contents(await other.get_items()), [1, 4, 3], "the other instance after an exchange")
    expect(contents(await other.get_items(2)), [4, 3], "its get_items(2)")


@case("run_internal/session_persistence.py:1526", "shared")
async def what_was_added_outlives_its_session(it: Bench) -> None:
    """A session made later, after the first was closed, has what the first one stored."""
    first = await it.session()
    await first.add_items([said(1), said(2)])
    await first.pop_item()
    await it.close()
    later = await it.session()
    expect(contents(await later.get_items()), [1], "get_items() of a session made later")
