"""How often reads were helped by what a process or the database had kept."""

from typing import Final
from weakref import finalize

import msgspec


class Counters(msgspec.Struct):
    """How often reads were helped, since the process opened the log. Only ever grow."""

    cache_hits: int = 0
    cache_misses: int = 0
    """The cache had nothing, or what it had is not on the chain any more."""
    shared_hits: int = 0
    """Redis had what the cache of this process did not have."""
    shared_misses: int = 0
    """Redis did not have it, or what it had could not be used."""
    shared_failures: int = 0
    """Redis did not answer."""
    snapshot_hits: int = 0
    snapshot_misses: int = 0
    """There was no snapshot up to the version that was asked for."""
    snapshots_refused: int = 0
    """A snapshot was there and not on the chain, or could not be read."""
    snapshots_written: int = 0
    snapshots_failed: int = 0
    """A snapshot could not be written."""


_live: Final[dict[int, Counters]] = {}
"""The counters whose owners live, by their id()."""

_past: Final = Counters()
"""The sums of the counters whose owners are gone."""


def counters_of(owner: object) -> Counters:
    """Return new counters that `totals` includes; they count as long as `owner` lives."""
    counters = Counters()
    _live[id(counters)] = counters
    finalize(owner, _retire, counters).atexit = False
    return counters


def totals() -> Counters:
    """Return the sums over all logs that this process ever opened."""
    total = Counters()
    for counters in (_past, *tuple(_live.values())):
        _add(total, counters)
    return total


def _retire(counters: Counters) -> None:
    del _live[id(counters)]
    _add(_past, counters)


def _add(total: Counters, counted: Counters) -> None:
    for name in Counters.__struct_fields__:
        setattr(total, name, getattr(total, name) + getattr(counted, name))
