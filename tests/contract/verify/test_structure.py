"""What a reader of a list refuses, verify() names: also where every hash was computed anew."""

import random
import shutil
import zlib
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog.errors import (
    ContentTooLargeError,
)
from eventlog.format.records import StoredEvent
from eventlog_projections import Conversation, erase_event
from tests.backends import Backend, SqliteBackend
from tests.contract.verify.made_up import (
    BOUND,
    CHAT,
    FORK,
    NOBODY,
    WHY,
    become,
    fill,
    headed,
    holding,
    of_chains,
    raw,
    refused_only_with,
)
from tests.contract.verify.recomputing import (
    Change,
    header,
    recompute,
    with_body,
)
from tests.elsewhere import open_elsewhere

WRONG: Final[dict[str, tuple[int, Change, str, str]]] = {
    "a header that is no JSON": (2, raw(b"{"), "edited", "its header does not decode"),
    "a header of another type": (2, raw(b'{"items":"1"}'), "edited", "does not decode"),
    "a header that is no object": (2, raw(b"[1]"), "edited", "does not decode"),
    "a header that is no UTF-8": (2, raw(b'{"items":1,"by":"\xff"}'), "edited", "does not decode"),
    "an add that counts nothing": (2, headed(), "inserted", "counts no items"),
    "an add that counts less than nothing": (2, headed(items=-1), "inserted", "counts no items"),
    "an add that counts too many": (2, headed(items=2), "edited", "as many items as its header"),
    "an add that counts too few": (1, headed(items=1), "edited", "as many items as its header"),
    "items that are none": (2, holding(b"nothing"), "edited", "its items do not decode"),
    "items that are no list": (2, holding(b'{"a":1}'), "edited", "as many items as its header"),
    "items that are no UTF-8": (2, holding(b'["\xff"]'), "edited", "its items do not decode"),
    "items of an unknown codec": (2, holding(b"[1]", 7), "edited", "its items do not decode"),
    "items that do not inflate": (2, holding(b"[1]", 1), "edited", "its items do not decode"),
    "items with something behind": (
        2,
        holding(zlib.compress(b"[1]") + b"x", 1),
        "edited",
        "its items do not decode",
    ),
    "a replacement without a start": (2, become("replaced", b"[1]", items=1), "inserted", "start"),
    "one from before the start": (
        2,
        become("replaced", b"[1]", items=1, start=-1),
        "inserted",
        "start",
    ),
    "a rewind to nowhere": (2, become("rewound"), "inserted", "rewinds to no earlier version"),
    "a rewind forward": (2, become("rewound", to_version=3), "inserted", "no earlier version"),
    "a rewind to itself": (2, become("rewound", to_version=2), "inserted", "no earlier version"),
    "a rewind to before all": (2, become("rewound", to_version=-1), "inserted", "no earlier"),
    "a rewind that keeps less than nothing": (
        2,
        become("rewound", to_version=1, kept=-1),
        "inserted",
        "fewer items than none",
    ),
    "a fork in the middle": (
        3,
        become("forked", parent=FORK.hex(), at_version=1, kept=1),
        "inserted",
        "is not its first event",
    ),
    "a fork of itself": (
        1,
        become("forked", parent=CHAT.hex(), at_version=1, kept=1),
        "inserted",
        "a fork of itself",
    ),
    "a fork of nothing": (1, become("forked", at_version=1, kept=1), "inserted", "a fork of"),
    "a fork without a version": (
        1,
        become("forked", parent=NOBODY.hex(), kept=1),
        "inserted",
        "a fork of",
    ),
    "a fork that kept nothing it says": (
        1,
        become("forked", parent=NOBODY.hex(), at_version=1),
        "inserted",
        "a fork of",
    ),
    "a fork of what is no id": (
        1,
        become("forked", parent="chat", at_version=1, kept=1),
        "inserted",
        "a fork of",
    ),
    "a fork with items of an empty list": (
        1,
        become("forked", parent=NOBODY.hex(), at_version=0, kept=1),
        "inserted",
        "an empty list",
    ),
    "a fork of what is not there": (
        1,
        become("forked", parent=NOBODY.hex(), at_version=1, kept=1),
        "missing",
        "what it is a fork of is not there",
    ),
    "an erasure of nothing": (3, become("redacted", **WHY), "inserted", "which event before it"),
    "an erasure of itself": (3, become("redacted", erased=3, **WHY), "inserted", "which event"),
    "an erasure of what comes later": (
        3,
        become("redacted", erased=4, **WHY),
        "inserted",
        "which event",
    ),
    "an erasure of what is not there": (
        4,
        become("redacted", erased=9, **WHY),
        "inserted",
        "which",
    ),
    "an add that counts too far": (2, headed(items=2**70), "inserted", "an event can hold"),
    "a hold without a name": (3, become("held"), "inserted", "names no hold"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_an_event_that_no_append_makes(backend: Backend, what: str) -> None:
    """It is named, and why; where the list refuses it, for the same event."""
    version, change, problem, says = WRONG[what]
    async with backend.open() as log:
        await fill(log)
        assert (await log.verify()).ok
    await recompute(backend, "chat", version, change)
    async with open_elsewhere(backend) as log:
        assert ("chat", "", version, problem) in of_chains(await log.verify())
        (fault,) = [each for each in (await log.verify("chat")).faults if not each.branch]
        assert (fault.version, fault.problem) == (version, problem)
        assert says in fault.detail
        await refused_only_with(log, await log.verify())


async def test_whatever_a_list_refuses_is_named(tmp_path: Path) -> None:
    """A property of every change of an event with every hash computed anew, on small logs."""
    template = SqliteBackend(tmp_path / "template.db")
    await template.make()
    async with template.open() as log:
        await fill(log)
        await Conversation(log, "chat").add([{"role": "user", "content": "five"}])
        await Conversation(log, "chat").undo()
        await erase_event(log, "fork", 2, **WHY)
    sizes = {"chat": 7, "fork": 3}
    rng, refused = random.Random(16), 0
    for number in range(200):
        backend = SqliteBackend(tmp_path / f"{number}.db")
        shutil.copy(template.url, backend.url)
        for _ in range(rng.choice((1, 1, 2))):
            name = rng.choice(list(sizes))
            await recompute(backend, name, rng.randint(1, sizes[name]), mutation(rng))
        async with backend.open() as log:
            refused += await refused_only_with(log, await log.verify())
        Path(backend.url).unlink()
    assert refused > 200


def mutation(rng: random.Random) -> Change:
    """Return some change of an event."""
    kinds = ["added", "popped", "cleared", "replaced", "rewound", "forked", "deleted", "erased"]
    kind = rng.choice([*kinds, "redacted", "held", "someday"])
    fields: dict[str, Any] = {
        "items": rng.choice([0, 1, 2, -1, "1", 2**70]),
        "start": rng.choice([0, 1, 9, -1, 1.5]),
        "to_version": rng.choice([0, 1, 3, 9, -1]),
        "kept": rng.choice([0, 1, 3, 9, -1]),
        "parent": rng.choice([CHAT.hex(), FORK.hex(), NOBODY.hex(), "", "x"]),
        "at_version": rng.choice([0, 1, 4, 99, -1]),
        "erased": rng.choice([0, 1, 2, 9, -1]),
        "by": "office",
        "reason": "code",
        "hold": "code",
    }
    told = rng.sample(list(fields), rng.randint(4, len(fields)))
    stored = header(**{name: fields[name] for name in told})
    body = rng.choice([b"{}", b"[]", b"[1]", b"[1,2]", b"[1", b"", b"\xff", b'["\xff"]', b"[NaN]"])

    def change(event: StoredEvent) -> StoredEvent:
        what = rng.randrange(7)
        if what == 0:
            return event._replace(header=stored)
        if what == 1:
            return event._replace(kind=kind)
        if what == 2:
            return event._replace(header=rng.choice([b"", b"{", b"[]", b"null", b'{"items":"x"}']))
        if event.body is None:
            return event._replace(kind=kind, header=stored)
        if what == 3:
            return with_body(event, body, rng.choice([0, 0, 1, 9]))
        return with_body(
            event._replace(kind=kind, header=stored, schema=rng.choice([1, 1, 2])), body
        )

    return change


async def test_an_unknown_kind_or_schema_is_no_fault(backend: Backend) -> None:
    """A later release may have written it; it says what it likes."""
    async with backend.open() as log:
        await fill(log)
    await recompute(backend, "chat", 3, lambda event: event._replace(kind="someday"))
    await recompute(backend, "chat", 4, lambda event: with_body(event._replace(schema=9), b"\xff"))
    async with open_elsewhere(backend) as log:
        assert of_chains(await log.verify()) == []
        assert (await log.verify("chat")).ok


async def test_a_body_beyond_the_bound_was_not_checked(backend: Backend) -> None:
    """Which is not the same as sound, nor as changed; what else was changed is told first."""
    async with backend.open() as log:
        await fill(log)
    bomb = zlib.compress(b'["' + b"x" * 20_000_000 + b'"]')
    await recompute(backend, "chat", 2, holding(bomb, 1))
    async with open_elsewhere(backend, **BOUND) as log:
        found = await log.verify("chat")
        assert [(fault.version, fault.problem) for fault in found.faults] == [(2, "unknown")]
        assert found.exit_code == 2
        with pytest.raises(ContentTooLargeError):
            await Conversation(log, "chat").items(as_of=2)
    async with open_elsewhere(backend) as log:
        assert (await log.verify("chat")).ok
    await backend.tamper(
        "UPDATE {}events SET body = salt WHERE version = 4 AND stream_id = ?", CHAT
    )
    async with open_elsewhere(backend, **BOUND) as log:
        found = await log.verify("chat")
        assert [(fault.version, fault.problem) for fault in found.faults] == [(4, "edited")]
