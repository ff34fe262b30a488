"""What encryption costs: appends, and warm and cold reads, with a keyring and without.

    python -m benchmarks.encrypted [--quick]

Both logs do the same in turn, call by call, in files of the same folder.
"""

import argparse
import asyncio
import contextlib
import functools
import tempfile
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from benchmarks.harness import Call, Spread, measure, ratio
from benchmarks.place import items
from eventlog import EventLog, KeyRing, new_key, parse_keyring
from projections import Conversation

PLAIN: Final = "plain"
ENCRYPTED: Final = "encrypted"
LENGTH: Final = 1000

Make = Callable[[str, KeyRing | None], Awaitable[Call]]


class Cost(NamedTuple):
    """How much longer something takes encrypted; `at_most` is what it may."""

    title: str
    make: Make
    at_most: float


async def appending(path: str, keyring: KeyRing | None, *, durability: str) -> Call:
    """Append one item of the usual size."""
    chat = Conversation(EventLog(path, keyring=keyring, durability=durability), "chat")
    (item,) = items(1)
    await chat.add([item])
    return lambda: chat.add([item])


async def reading_warm(path: str, keyring: KeyRing | None) -> Call:
    """Read a list that this process has read before."""
    chat = Conversation(EventLog(path, keyring=keyring), "chat")
    await _fill(chat)
    return chat.items


async def reading_cold(path: str, keyring: KeyRing | None) -> Call:
    """Read a list from its snapshot, with the keys that the process knows."""
    chat = Conversation(EventLog(path, keyring=keyring), "chat")
    await _fill(chat)

    async def read() -> object:
        chat.log.cache.forget(chat.log.stream_id("chat"))
        return await chat.items()

    return read


async def _fill(chat: Conversation) -> None:
    for item in items(LENGTH):
        await chat.add([item])
    await chat.items()
    await chat.log.background.finish()


COSTS: Final = (
    Cost("an append, synchronous=FULL", functools.partial(appending, durability="full"), 1.15),
    Cost("an append, synchronous=NORMAL", functools.partial(appending, durability="normal"), 1.15),
    Cost(f"a warm read of {LENGTH:,} items", reading_warm, 1.4),
    Cost(f"a cold read of {LENGTH:,} items", reading_cold, 1.4),
)


async def cost(make: Make, *, rounds: int, calls: int) -> tuple[Spread, float, float]:
    """Return the ratio of the medians of each round, and both medians in microseconds."""
    with tempfile.TemporaryDirectory() as folder:
        contenders = {
            PLAIN: await make(f"{folder}/plain.db", None),
            ENCRYPTED: await make(f"{folder}/encrypted.db", parse_keyring(new_key("kek"))),
        }
        measured = await measure(contenders, rounds=rounds, calls=calls, each=lambda: None)
    found = ratio(measured[ENCRYPTED], measured[PLAIN])
    return found, measured[PLAIN].percentile(50), measured[ENCRYPTED].percentile(50)


async def main(*, quick: bool) -> None:
    for one in COSTS:
        found, plain, encrypted = await cost(
            one.make, rounds=3 if quick else 10, calls=30 if quick else 100
        )
        print(
            f"{one.title:36} {plain:9.1f} us {encrypted:9.1f} us  x {found.median:.3f}"
            f" ({found.lowest:.3f} to {found.highest:.3f}), at most {one.at_most}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(quick=parser.parse_args().quick))
