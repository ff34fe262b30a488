"""What encryption costs: appends, and warm and cold reads, with a keyring and without."""

import contextlib
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Final

from benchmarks.kit.harness import Call
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Scenario, Timing
from eventlog import EventLog
from eventlog.keys import new_key, parse_keyring
from eventlog.store.contract.options import Durability
from eventlog_projections import Conversation

PLAIN: Final = "plain"
ENCRYPTED: Final = "encrypted"
LENGTH: Final = 1_000

Make = Callable[[EventLog], Awaitable[Call]]


def scenarios(_: Scale) -> list[Scenario]:
    """Return them."""
    read = f"get_items of {LENGTH:,} items"
    return [
        _scenario("one append, SQLite", _appending, 1.15, calls=50),
        _scenario("one append, SQLite, not flushed", _appending, 1.15, durability="normal"),
        _scenario(f"{read}, SQLite", _reading, 1.4),
        _scenario(f"{read} from its snapshot, SQLite", _reading_cold, None),
    ]


def _scenario(
    what: str,
    make: Make,
    at_most: float | None,
    *,
    calls: int = 200,
    durability: Durability = "full",
) -> Timing:
    opened = contextlib.asynccontextmanager(functools.partial(_both, make, durability))
    return Timing(f"encrypted: {what}", opened, (Bar(ENCRYPTED, PLAIN, at_most),), calls=calls)


async def _both(
    make: Make, durability: Durability, place: Place
) -> AsyncGenerator[Mapping[str, Call]]:
    """Two logs in one folder."""
    folder = place.folder / f"keys-{make.__name__}-{durability}"
    folder.mkdir()
    ring = parse_keyring(new_key("kek"))
    async with (
        EventLog(folder / "plain.db", durability=durability) as plain,
        EventLog(folder / "encrypted.db", durability=durability, keyring=ring) as encrypted,
    ):
        yield {PLAIN: await make(plain), ENCRYPTED: await make(encrypted)}


async def _appending(log: EventLog) -> Call:
    """Append one item of the usual size."""
    chat, one = Conversation(log, "chat"), items(1)
    return lambda: chat.add(one)


async def _reading(log: EventLog) -> Call:
    """Read a list that this process has read before."""
    return (await _filled(log)).items


async def _reading_cold(log: EventLog) -> Call:
    """Read a list from its snapshot, with the keys that the process knows."""
    chat = await _filled(log)

    async def read() -> object:
        log.spi.cache.evict(log.spi.stream_id("chat"))
        return await chat.items()

    return read


async def _filled(log: EventLog) -> Conversation:
    chat = Conversation(log, "chat")
    for item in items(LENGTH):
        await chat.add([item])
    await chat.items()
    await log.spi.background.finish()
    return chat
