"""Chooses events of a conversation: by kind, time, actor, agent and tool, and the last of them."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

from eventlog_cli.showing.times import Zone, time, until_or_none
from eventlog_cli.showing.words import author
from eventlog_projections.history.events import HistoryEvent
from eventlog_projections.items.parts import fields_of

Wanted = Callable[[HistoryEvent], bool]


def wanted_events(given: Mapping[str, Any], zone: Zone) -> Wanted:
    """Return what tells whether an event is wanted. Raises InvalidMomentError."""
    since = None if given["since"] is None else time(given["since"], zone)
    until = until_or_none(given["until"], zone)
    tests: list[Wanted] = []
    if given["kind"]:
        tests.append(lambda event: event.kind in given["kind"])
    if since is not None:
        tests.append(lambda event: event.recorded_at is None or event.recorded_at >= since)
    if until is not None:
        tests.append(lambda event: _is_until(event, until))
    if given["actor"] is not None:
        tests.append(lambda event: author(event.context, event.event) == given["actor"])
    if given["agent"] is not None:
        tests.append(lambda event: _agent(event) == given["agent"])
    if given["tool"] is not None:
        tests.append(lambda event: _calls(event, given["tool"]))
    return lambda event: all(test(event) for test in tests)


async def pages(
    events: AsyncIterable[HistoryEvent], wanted: Wanted, size: int, last: int | None
) -> AsyncIterator[list[HistoryEvent]]:
    """Yield the events that are wanted, a page at a time; with `last`, only the last ones."""
    kept: list[HistoryEvent] = []
    async for event in events:
        if wanted(event):
            kept.append(event)
        if last is not None:
            del kept[: max(0, len(kept) - last)]
        elif len(kept) == size:
            yield kept
            kept = []
    yield kept


def _is_until(event: HistoryEvent, until: int | datetime) -> bool:
    if isinstance(until, int):
        return event.version <= until
    return event.recorded_at is None or event.recorded_at <= until


def _agent(event: HistoryEvent) -> str | None:
    return None if event.context is None else event.context.agent


def _calls(event: HistoryEvent, tool: str) -> bool:
    return any(fields_of(each.item).get("name") == tool for each in event.items)
