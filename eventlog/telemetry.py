"""Spans and metrics for OpenTelemetry, if the program uses it: docs/telemetry.md has their names.

Rule: OpenTelemetry is not imported here. A program that uses it has imported it; for any other,
each of these functions is one look into sys.modules. The content of items is never recorded, and
names of conversations go to spans only: metrics would have one series for each of them.
"""

import contextlib
import functools
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

from eventlog.counters import totals

SCOPE: Final = "eventlog"

_UNSEEN: Final[AbstractContextManager[object]] = contextlib.nullcontext()


def appending(conversation: str, branch: str, events: int) -> AbstractContextManager[object]:
    """Record a span of an append of `events` events."""
    metrics = _metrics()
    if metrics is not None:
        metrics.appended.record(events)
    tracer = _tracer()
    if tracer is None:
        return _UNSEEN
    attributes = {**_of(conversation, branch), "eventlog.batch.size": events}
    return _span(tracer, "eventlog.append", attributes)


def reading(conversation: str, branch: str) -> AbstractContextManager[object]:
    """Record a span of reading a list of items."""
    _metrics()  # The observable counter is registered at the first read.
    tracer = _tracer()
    return _UNSEEN if tracer is None else _span(tracer, "eventlog.read", _of(conversation, branch))


def projecting(
    views: Iterable[str], events: int, stage: Literal["fold", "store"]
) -> AbstractContextManager[object]:
    """Record a span of a stage of projecting `events` events into views."""
    tracer = _tracer()
    if tracer is None:
        return _UNSEEN
    attributes = {"eventlog.views": tuple(views), "eventlog.batch.size": events}
    return _span(tracer, "eventlog.project", {**attributes, "eventlog.stage": stage})


def conflicted() -> None:
    """Count an append that was refused because its expected version is not the head."""
    metrics = _metrics()
    if metrics is not None:
        metrics.conflicts.add(1)


def projected(view: str, events: int, behind: int) -> None:
    """Record the size of a batch that a view took, and how many events it is behind."""
    metrics = _metrics()
    if metrics is not None:
        metrics.projected.record(events, {"eventlog.view": view})
        metrics.lag.set(behind, {"eventlog.view": view})


class _Metrics:
    def __init__(self, api: Any) -> None:
        meter = api.get_meter(SCOPE)
        self.appended: Final = meter.create_histogram(
            "eventlog.append.batch.size", "{event}", "How many events an append has."
        )
        self.conflicts: Final = meter.create_counter(
            "eventlog.append.conflicts", "{conflict}", "Appends that came too late."
        )
        self.projected: Final = meter.create_histogram(
            "eventlog.view.batch.size", "{event}", "How many events a view takes at once."
        )
        self.lag: Final = meter.create_gauge(
            "eventlog.view.lag", "{event}", "How many events a view is behind the feed."
        )

        def lookups(_options: object) -> list[Any]:
            return [
                api.Observation(count, {"eventlog.cache": where, "eventlog.cache.result": result})
                for where, result, count in _lookups()
            ]

        meter.create_observable_counter(
            "eventlog.cache.lookups", [lookups], "{lookup}", "Where reads looked for a list."
        )


def _lookups() -> list[tuple[str, str, int]]:
    counters = totals()
    return [
        ("memory", "hit", counters.cache_hits),
        ("memory", "miss", counters.cache_misses),
        ("redis", "hit", counters.shared_hits),
        ("redis", "miss", counters.shared_misses),
        ("snapshot", "hit", counters.snapshot_hits),
        ("snapshot", "miss", counters.snapshot_misses),
        ("snapshot", "refused", counters.snapshots_refused),
    ]


def _metrics() -> _Metrics | None:
    """Return the instruments; until the program sets a provider, they count nothing."""
    api = sys.modules.get("opentelemetry.metrics")
    return None if api is None else _instruments(api)


_instruments: Final = functools.cache(_Metrics)


def _of(conversation: str, branch: str) -> dict[str, Any]:
    return {"gen_ai.conversation.id": conversation, "eventlog.branch": branch}


def _tracer() -> Any:
    """Return what makes spans; None where nobody set a provider."""
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    provider = api.get_tracer_provider()
    return None if isinstance(provider, api.ProxyTracerProvider) else _tracer_of(provider)


def _span(tracer: Any, name: str, attributes: dict[str, Any]) -> AbstractContextManager[object]:
    span: AbstractContextManager[object] = tracer.start_as_current_span(name, attributes=attributes)
    return span


@functools.lru_cache(maxsize=1)
def _tracer_of(provider: Any) -> Any:
    return provider.get_tracer(SCOPE)
