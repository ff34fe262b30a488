"""Chooses conversations: by labels, dates, agents, models and words, in some order."""

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eventlog_cli.progress import bar, caught_up
from eventlog_cli.showing.times import Zone, time, until_time
from eventlog_projections.views import queries

if TYPE_CHECKING:
    from eventlog_cli.running import Invocation
    from eventlog_projections.views.queries import Summary
    from eventlog_projections.views.views import Views

PAGE: Final = 500
HITS: Final = 10_000
"""Items at most of which conversations are looked up by their words."""

KEYS: Final[dict[str, Callable[["Summary"], Any]]] = {
    "first": lambda each: each.first_at.timestamp() if each.first_at else 0.0,
    "name": lambda each: each.name,
    "items": lambda each: each.items,
    "turns": lambda each: each.turns,
    "tokens": lambda each: each.total_tokens,
    "cost": lambda each: each.cost.total,
    "bytes": lambda each: each.bytes,
}
RISING: Final = ("name",)
"""What is listed from the least; everything else from the most."""


class Wanted(NamedTuple):
    """Which conversations, in which order, and how many."""

    owner: str | None
    tags: tuple[str, ...]
    model: str | None
    agent: str | None
    text: str | None
    since: datetime | None
    until: datetime | None
    sort: str
    reverse: bool
    limit: int
    is_priced: bool
    """Whether what they cost is asked for, which takes a while to load."""

    @classmethod
    def of(cls, given: Mapping[str, Any], zone: Zone, *, priced: bool) -> "Wanted":
        """Return what was typed. Raises InvalidMomentError."""
        since = None if given["since"] is None else time(given["since"], zone)
        until = until_time(given["until"], zone)
        return cls(
            given["owner"],
            given["tag"],
            given["model"],
            given["agent"],
            given["text"],
            since,
            until,
            given["sort"],
            given["reverse"],
            given["limit"],
            priced or given["sort"] == "cost",
        )

    @property
    def narrows(self) -> bool:
        """Whether some are left out."""
        return any((*self[:7],))

    @property
    def is_latest_first(self) -> bool:
        """Whether they come as the view has them."""
        return self.sort == "last" and not self.reverse


class Chosen(NamedTuple):
    """Conversations, and whether there are more."""

    rows: "list[Summary]"
    more: bool


async def choose(at: "Invocation", views: "Views", wanted: Wanted) -> Chosen:
    """Return the conversations that are wanted."""
    named = await _with_text(at, wanted.text)
    found: list[Summary] = []
    async for each in _every(views, wanted):
        if not _matches(each, wanted) or (named is not None and each.name not in named):
            continue
        found.append(each)
        if len(found) > wanted.limit and wanted.is_latest_first and wanted.agent is None:
            break
    if wanted.agent is not None:
        found = await _with_agent(at, found, wanted.agent)
    if not wanted.is_latest_first:
        found = _sorted(found, wanted)
    return Chosen(found[: wanted.limit], len(found) > wanted.limit)


def _sorted(found: "list[Summary]", wanted: Wanted) -> "list[Summary]":
    if wanted.sort == "last":
        return found[::-1]
    falls = wanted.sort not in RISING
    return sorted(found, key=KEYS[wanted.sort], reverse=falls != wanted.reverse)


async def _every(views: "Views", wanted: Wanted) -> "AsyncGenerator[Summary]":
    """Yield conversations, the latest first, down to the time from which on they are wanted."""
    size = min(PAGE, wanted.limit + 1) if wanted.is_latest_first and not wanted.narrows else PAGE
    after: Summary | None = None
    while page := await queries.conversations(
        views,
        owner=wanted.owner,
        after=after,
        limit=size,
        priced=wanted.is_priced,
        stale=True,
    ):
        for each in page:
            if wanted.since and each.last_at and each.last_at < wanted.since:
                return
            yield each
        after = page[-1]


def _matches(each: "Summary", wanted: Wanted) -> bool:
    if wanted.until is not None and each.last_at is not None and each.last_at > wanted.until:
        return False
    if wanted.model is not None and wanted.model not in each.models:
        return False
    return set(wanted.tags) <= set(each.tags)


async def _with_text(at: "Invocation", text: str | None) -> set[str] | None:
    if text is None:
        return None
    views = await caught_up(at, "search")
    found = await queries.search(views, text, limit=HITS, stale=True)
    return {each.conversation for each in found}


async def _with_agent(at: "Invocation", found: "list[Summary]", agent: str) -> "list[Summary]":
    """Return those in which an agent spoke: who did is in the events alone."""
    kept: list[Summary] = []
    with bar("Looking for the agent", len(found)) as drawn:
        for each in found:
            if await _spoke(at, each.name, agent):
                kept.append(each)
            drawn.step()
    return kept


async def _spoke(at: "Invocation", name: str, agent: str) -> bool:
    async for event in at.log.read(name):
        if not event.is_erased and event.context.agent == agent:
            return True
    return False
