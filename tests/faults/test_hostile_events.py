"""One event against all: whatever is in it, views go on, others' rows are right, erasing works."""

import random
import string
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.events import ConversationLabelled, UsageRecorded
from eventlog.keys import new_key, parse_keyring
from eventlog_projections import Conversation, erase
from eventlog_projections.views import (
    BUILT_IN,
    Views,
    conversations,
    tool_calls,
    tools,
    turns,
    usage,
)
from tests.backends import Backend
from tests.contract.disposal.test_erasing import MARKER, WHY
from tests.contract.views.test_views_erasing import in_rows

EVIL: Final = "evil"
GOOD: Final = "good"
BAD: Final = "bad"

Harm = Callable[[Backend, EventLog], Awaitable[object]]


def noise(size: int) -> str:
    """Text that no compression makes shorter."""
    return "".join(random.Random(size).choices(string.ascii_letters + string.digits, k=size))


def call(**fields: Any) -> dict[str, Any]:
    given = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    return {**given, **fields}


def used(**fields: Any) -> UsageRecorded:
    names = ("cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    given: dict[str, Any] = dict.fromkeys((*names, "input_tokens", "total_tokens"), 0)
    given |= {"requests": 1, "model": "m", **fields}
    return UsageRecorded(**given)


def adds(*items: Any) -> Harm:
    async def harm(_: Backend, log: EventLog) -> object:
        return await log.append(BAD, ItemsAdded(list(items)))

    return harm


def says(event: Any) -> Harm:
    async def harm(_: Backend, log: EventLog) -> object:
        return await log.append(BAD, event)

    return harm


def writes(assignments: str, *values: object) -> Harm:
    """Change an event behind the log's back, as whoever may insert events could have made it."""

    async def harm(backend: Backend, log: EventLog) -> None:
        await log.append(BAD, ItemsAdded([{"role": "user", "content": "soon something else"}]))
        statement = (
            f"UPDATE {{}}events SET {assignments} WHERE version = 2 AND stream_id ="
            " (SELECT stream_id FROM {}streams WHERE name = 'bad')"
        )
        await backend.tamper(statement, *values)

    return harm


DEEP: Final = b"[" * 200_000 + b"]" * 200_000

HARMS: Final[dict[str, Harm]] = {
    "call ids that no index holds": adds(*(call(call_id=noise(size)) for size in (2_673, 9_000))),
    "call ids that no index holds, in ten megabytes": adds(call(call_id=noise(10_000_000))),
    "a tool's name that no index holds": adds(call(name=noise(5_000))),
    "a model's name that no index holds": says(used(model=noise(5_000))),
    "an owner that no index holds": says(ConversationLabelled(owner=noise(5_000))),
    "a title and tags of a megabyte": says(
        ConversationLabelled(title=noise(1_000_000), tags=(noise(1_000_000),))
    ),
    "NUL": adds({"role": "user", "content": "a\0b"}, call(call_id="c\0", name="f\0")),
    "ids that differ by what no database keeps": adds(
        call(call_id="c\0"), call(call_id="c\ud800"), call(call_id="c\N{REPLACEMENT CHARACTER}")
    ),
    "lone surrogates": adds({"role": "\ud800", "content": "\udfff"}, call(name="\ud800")),
    "numbers that no column holds": says(used(requests=2**70, input_tokens=2**63)),
    "numbers that no float holds": writes("codec = 0, body = ?", b'[{"content": 1e400}]'),
    "ten megabytes of words": adds({"role": "user", "content": "word " * 2_000_000}),
    "ten megabytes of one word": adds({"role": "user", "content": noise(10_000_000)}),
    "JSON of 200,000 levels": writes("codec = 0, body = ?", DEEP),
    "bytes that are no JSON": writes("codec = 0, body = ?", b"\xff\0"),
    "bytes that do not inflate": writes("codec = 1, body = ?", b"\xff\0"),
    "a codec that is none": writes("codec = 9"),
    "a header that is none": writes("header = ?", b"\xff\0"),
    "a header that nests": writes("header = ?", DEEP),
    "a header that counts wrongly": writes("header = ?", b'{"items":-5}'),
    "a rewind to a version that is not there": writes(
        "kind = 'ConversationRewound', header = ?", b'{"to":4711}'
    ),
    "a kind that is none": writes("kind = ?", noise(3_000)),
    "a schema that is none": writes("schema = 4711"),
    "a time that is none": writes("recorded_at = ?", 2**62),
    "a key that is none": writes("key_id = '1'"),
    "a key with a name that no index holds": writes("key_id = ?", noise(3_000)),
}


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def keyed(backend: Backend, request: pytest.FixtureRequest) -> Backend:
    """Every backend, with encryption of all and without."""
    backend.keyring = parse_keyring(new_key("kek")) if request.param else None
    return backend


async def talk(log: EventLog, name: str) -> None:
    """What every view makes something of."""
    chat = Conversation(log, name)
    await chat.add([{"role": "user", "content": f"hello {MARKER}"}, call()])
    await log.append(name, used(total_tokens=7))


async def assert_right(log: EventLog) -> None:
    """Everything that views say of the tenant that did no harm."""
    views = Views(log)
    assert [(row.name, row.items, row.turns) for row in await conversations(views)] == [
        ("chat", 4, 2)
    ]
    assert [turn.total_tokens for turn in await turns(views, "chat")] == [7, 7]
    assert [row.total_tokens for row in await usage(views)] == [14]
    assert [(tool.name, tool.calls) for tool in await tools(views)] == [("f", 2)]
    assert len(await tool_calls(views, "chat")) == 2
    assert {status.behind for status in await views.status()} == {0}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
async def test_one_event_stops_nobody(keyed: Backend, harm: Harm) -> None:
    """Views catch up, a rebuild ends, another conversation is erased, and reasons quote nothing."""
    async with keyed.open(tenant=EVIL) as evil, keyed.open(tenant=GOOD) as good:
        await talk(good, "chat")
        await Conversation(evil, BAD).add([{"role": "user", "content": MARKER}])
        await harm(keyed, evil)
        await Conversation(evil, BAD).add([{"role": "user", "content": "on"}])
        await talk(good, "chat")
        await assert_right(good)
        for projection in BUILT_IN:
            await Views(good).rebuild(projection.name)
        await assert_right(good)
        for projection in BUILT_IN:
            assert await Views(good).check(projection.name) == []
        letters = await keyed.execute("SELECT error FROM {}set_aside")
        assert MARKER not in repr(letters)
        assert all(len(error) <= 200 for (error,) in letters)
        erased = await erase(good, "chat", **WHY)
        assert erased.pending == ()
        assert [row.items for row in await conversations(Views(good))] == [0]
        assert (await erase(evil, BAD, **WHY, even_unsound=True)).pending == ()
        assert await in_rows(keyed) == []
        assert {status.behind for status in await Views(evil).status()} <= {0, 1, 2}
