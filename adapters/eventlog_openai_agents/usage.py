"""What model calls used, each counted once.

The SDK adds up what a run used in one `Usage` object. It shares the object with the runs of agents
that are tools, begins with a restored total where a run is resumed, and never says which part of it
somebody has written down. So a ledger is kept beside each such object. What it first shows is the
start and is not counted; what it grows by is owed to the run that was seen to use it, until an
append takes it.
"""

import contextlib
import threading
import weakref
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Any, Final

from agents import RunContextWrapper, Usage

from eventlog.events import UsageRecorded
from eventlog_projections.history.counts import Counts

Wrapper = RunContextWrapper[Any]


class _Ledger:
    def __init__(self, start: Counts, first: Wrapper) -> None:
        self._seen = start
        self._first = weakref.ref(first)
        self.owed: Final[weakref.WeakKeyDictionary[Wrapper, Counts]] = weakref.WeakKeyDictionary()
        self.owed[first] = Counts()

    def look(self, wrapper: Wrapper) -> None:
        """Add what was used since the last look to what is owed to this run.

        Before a run is first seen, others used it: the run that its agent is a tool of.
        """
        now = counts_of(wrapper.usage)
        grown, self._seen = now.minus(self._seen), now
        known = wrapper in self.owed
        self.owed.setdefault(wrapper, Counts())
        owner = wrapper if known else self._first()
        if owner is not None:
            self.owed[owner] = self.owed.get(owner, Counts()).plus(grown)


_ledgers: Final[dict[int, _Ledger]] = {}
"""By the id of a Usage, which neither hashes nor compares by identity; gone when it is."""

_lock: Final = threading.Lock()

_NOBODY: Final[AbstractContextManager[None]] = contextlib.nullcontext()


def look(wrapper: Wrapper) -> None:
    """Take note of what the run has used so far; the first call sets where counting starts."""
    with _lock:
        _ledger(wrapper, Counts())


def sharing(wrapper: Wrapper) -> list[Wrapper]:
    """Return the runs that add up what they use in one object, in the order they were first seen.

    A run shares it with the runs of agents that are its tools.
    """
    with _lock:
        return list(_ledger(wrapper, Counts()).owed)


def unrecorded(wrapper: Wrapper | None) -> AbstractContextManager[UsageRecorded | None]:
    """Give what the run used and nobody recorded, None if that is nothing.

    It counts as recorded from the start of the block on, so that two appends at once never record
    it twice, and is owed again if the block raises an Exception. Whoever is cancelled within it is
    not told whether the append came about; one that was begun does, so it counts as recorded.
    """
    return _NOBODY if wrapper is None else _unrecorded(wrapper)


@contextlib.contextmanager
def _unrecorded(wrapper: Wrapper) -> Generator[UsageRecorded | None]:
    with _taken(wrapper, None) as counts:
        yield UsageRecorded(**counts._asdict()) if any(counts) else None


@contextlib.contextmanager
def of_call(
    wrapper: Wrapper, used: Usage, *, model: str | None, response_id: str | None
) -> Generator[UsageRecorded | None]:
    """Give what one call used, which the run's total has in it already, as `unrecorded` does.

    None if another append was first to record it.
    """
    with _taken(wrapper, counts_of(used)) as counts:
        event = UsageRecorded(**counts._asdict(), model=model, response_id=response_id)
        yield event if any(counts) else None


@contextlib.contextmanager
def _taken(wrapper: Wrapper, call: Counts | None) -> Generator[Counts]:
    with _lock:
        owed = _ledger(wrapper, call or Counts()).owed
        counts = owed[wrapper] if call is None else owed[wrapper].within(call)
        owed[wrapper] = owed[wrapper].minus(counts)
    try:
        yield counts
    except Exception:
        with _lock:
            owed[wrapper] = owed[wrapper].plus(counts)
        raise


def _ledger(wrapper: Wrapper, latest: Counts) -> _Ledger:
    """Return the ledger of what the run uses, up to date.

    One that is new starts before `latest`, the call whose end is the first that is seen of it.
    """
    used = wrapper.usage
    ledger = _ledgers.get(id(used))
    if ledger is None:
        ledger = _ledgers[id(used)] = _Ledger(counts_of(used).minus(latest), wrapper)
        weakref.finalize(used, _ledgers.pop, id(used), None).atexit = False
    ledger.look(wrapper)
    return ledger


def counts_of(used: Usage) -> Counts:
    """Return what the SDK counted; providers leave details out."""
    given, made = used.input_tokens_details, used.output_tokens_details
    return Counts(
        used.requests,
        used.input_tokens,
        getattr(given, "cached_tokens", None) or 0,
        getattr(given, "cache_write_tokens", None) or 0,
        used.output_tokens,
        getattr(made, "reasoning_tokens", None) or 0,
        used.total_tokens,
    )
