"""Memory that a read takes beyond the list that it returns, in a new process."""

import functools
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from benchmarks.kit.contenders import SQLITE_OPENERS, file_of
from benchmarks.kit.filling import fill
from benchmarks.kit.place import OURS, SQLITE, Place, Scale, items
from benchmarks.kit.processes import in_new_process, memory_of_read
from benchmarks.kit.scenario import Bar, Count, Scenario

COUNT: Final = 10_000
JSON: Final = "the items as JSON"


def scenarios(_: Scale) -> list[Scenario]:
    """Return them."""
    bars = (Bar(OURS, JSON, 2.0), Bar(SQLITE, JSON))
    return [Count(f"memory of get_items of {COUNT:,} items beyond the list, SQLite", take, bars)]


async def take(place: Place) -> Mapping[str, float]:
    """Return the highest less the list; what SQLite takes in C is not counted."""
    past = items(COUNT)
    taken: dict[str, float] = {JSON: len(json.dumps(past))}
    for who in (OURS, SQLITE):
        path = file_of(place, "memory", who)
        async with AsyncExitStack() as stack:
            await fill(await SQLITE_OPENERS[who](stack, path, "memory"), past)
        read = functools.partial(memory_of_read, SQLITE_OPENERS[who], path)
        memory = await in_new_process(read)
        taken |= {who: memory.peak - memory.returned, f"{who}: the list": memory.returned}
    return taken
