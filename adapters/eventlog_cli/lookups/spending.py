"""What was used, summed up by day, model, owner, agent or conversation."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eventlog.events import UsageRecorded
from eventlog.format.envelope import readable_time
from eventlog_cli.showing import records
from eventlog_projections.views import queries
from eventlog_projections.views.prices import Call, costs_of
from eventlog_projections.views.turns import UsageRow
from eventlog_projections.views.used import COUNTS, Used, counts_of

if TYPE_CHECKING:
    from eventlog_cli.running import Invocation
    from eventlog_projections.views.views import Views

UNKNOWN: Final = ""


class Period(NamedTuple):
    """A time from `since` to `until`, both included; None is without end."""

    since: datetime | None
    until: datetime | None

    def has(self, at: datetime | None) -> bool:
        """Return whether a time is in it; one that no calendar has is in all."""
        if at is None:
            return True
        return (self.since is None or at >= self.since) and (self.until is None or at <= self.until)


class _Count(NamedTuple):
    """What one event counted, and where."""

    conversation: str
    agent: str | None
    model: str | None
    at: datetime | None
    used: Used | UsageRecorded


class _Sum:
    """A sum of counts, and its cost as far as that is known."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self.calls: list[Call] = []

    def add(self, count: _Count) -> None:
        """Add a count."""
        for name, number in counts_of(count.used).items():
            self.counts[name] += number
        self.calls.append(Call(count.used, count.model, count.at))

    def record(self) -> dict[str, Any]:
        """Return it as programs have it."""
        return {**self.counts, "cost": records.cost(costs_of(self.calls))}


async def spent(
    at: "Invocation", views: "Views", name: str | None, by: str, period: Period
) -> list[dict[str, Any]]:
    """Return sums of what was used in a period, by their name."""
    owners = await _owners(views) if by == "owner" else {}
    counts = _told(at, name) if by == "agent" else _viewed(at, views, name)
    sums: dict[str, _Sum] = {}
    async for count in counts:
        if not period.has(count.at):
            continue
        key = {
            "model": count.model,
            "day": at.out.zone.seen(count.at, "%Y-%m-%d"),
            "owner": owners.get(count.conversation),
            "agent": count.agent,
            "conversation": count.conversation,
        }[by]
        sums.setdefault(key or UNKNOWN, _Sum()).add(count)
    return [{by: key or None, **found.record()} for key, found in sorted(sums.items())]


async def _owners(views: "Views") -> dict[str, str]:
    found: dict[str, str] = {}
    after = None
    while page := await queries.conversations(
        views, after=after, limit=500, priced=False, stale=True
    ):
        found |= {each.name: each.owner for each in page if each.owner is not None}
        after = page[-1]
    return found


async def _viewed(at: "Invocation", views: "Views", name: str | None) -> AsyncGenerator[_Count]:
    """Yield what the view has counted."""
    names = {
        row.stream_id: row.name
        async for row in at.log.streams(branches=True)
        if name is None or row.name == name
    }
    for row in await views.select(UsageRow, {}, stale=True):
        if row.stream_id in names:
            when = readable_time(row.recorded_at)
            yield _Count(names[row.stream_id], None, row.model, when, row)


async def _told(at: "Invocation", name: str | None) -> AsyncGenerator[_Count]:
    """Yield what the events say, with the agent that used it."""
    async for row in at.log.streams(branches=True):
        if name is not None and row.name != name:
            continue
        async for event in at.log.read(row.name, kind=UsageRecorded.kind, branch=row.branch):
            if event.is_erased:
                continue
            used = event.event
            if isinstance(used, UsageRecorded):
                agent, when = event.context.agent, readable_time(event.stored.recorded_at)
                yield _Count(row.name, agent, used.model, when, used)
