"""Questions about conversations, answered from the views, as people ask them.

Times are None where what is stored is beyond the range of a datetime.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

import msgspec

from eventlog.errors import InvalidOptionError
from eventlog.format.envelope import readable_time
from eventlog.format.names import MAIN
from eventlog.format.questions import check_text
from eventlog_projections.views.conversations import BranchRow, ConversationRow
from eventlog_projections.views.prices import Call, Cost, costs_of, has_price
from eventlog_projections.views.row import digest_of
from eventlog_projections.views.search import ItemRow, PlainItemRow
from eventlog_projections.views.searching.asked import phrases_of
from eventlog_projections.views.tools import ToolCallRow, ToolRow
from eventlog_projections.views.turns import ModelRow, TenantModelRow, TurnCount, TurnRow, UsageRow
from eventlog_projections.views.used import Used, counts_of
from eventlog_projections.views.views import Views

PAGE: Final = 50


class Usage(Used, frozen=True, kw_only=True):
    """What was used of a model (None: not known), and what it cost."""

    model: str | None
    cost: Cost


class Summary(NamedTuple):
    """A conversation in a list. `title` is its first message if it has no label."""

    name: str
    title: str | None
    owner: str | None
    tags: tuple[str, ...]
    items: int
    turns: int
    events: int
    branches: int
    input_tokens: int
    output_tokens: int
    total_tokens: int
    cost: Cost
    bytes: int
    first_at: datetime | None
    last_at: datetime | None
    models: tuple[str, ...]
    """The models that were used, as far as they are known."""
    row: ConversationRow
    """As it is stored: where the next page begins."""
    archived_at: datetime | None
    """When it was closed to writers; None if it is open."""


class Turn(NamedTuple):
    """A turn. `context_tokens` is how large the context was at its end, None if not known.

    `total_tokens` is the sum over its model calls, `running_tokens` that of all turns up to it.
    """

    number: int
    message: str
    items: int
    usage: TurnRow
    context_tokens: int | None
    total_tokens: int
    running_tokens: int
    cost: Cost
    begun_at: datetime | None
    last_at: datetime | None
    removed: bool


class Tool(NamedTuple):
    """What became of the calls of a tool. Durations are seconds, of those that are known."""

    name: str
    calls: int
    results: int
    errors: int
    unanswered: int
    mean_seconds: float | None
    longest_seconds: float | None


class Found(NamedTuple):
    """An item with the text that was looked for; `item` is its place in the batch of `version`."""

    conversation: str
    branch: str
    version: int
    item: int
    type: str
    role: str
    text: str
    removed: bool
    recorded_at: datetime | None


async def conversations(
    views: Views,
    *,
    owner: str | None = None,
    after: Summary | None = None,
    limit: int = PAGE,
    priced: bool = True,
    stale: bool = False,
) -> list[Summary]:
    """Return a page of the tenant's conversations, those with the latest activity first.

    `after` is the last one of the page before. Conversations that move meanwhile come first again.
    """
    if after is not None and not isinstance(cast(object, after), Summary):
        raise InvalidOptionError("after is the last Summary of the page before.")
    if owner is not None:
        check_text("owner", owner)
    rows = await views.select(
        ConversationRow,
        {} if owner is None else {"owner_key": digest_of(owner)},
        order=("-last_at", "conversation_id"),
        after=None if after is None else after.row,
        limit=limit,
        stale=stale,
    )
    ids = [row.conversation_id for row in rows]
    turns = {c.stream_id: c.listed for c in await views.held(TurnCount, ids, stale=stale)}
    models: dict[bytes, list[ModelRow]] = {}
    for model in await views.held(ModelRow, ids, stale=stale):
        models.setdefault(model.conversation_id, []).append(model)
    # Prices take a while to load: whoever does not show them leaves them out.
    dear = [each for each, used in models.items() if _have_price(used)] if priced else []
    calls = await _calls(views, dear, stale=stale) if dear else {}

    def summary(row: ConversationRow) -> Summary:
        used = models.get(row.conversation_id, [])
        known = calls.get(row.conversation_id)
        cost = _unpriced(used) if known is None else costs_of(map(_call, known))
        listed = turns.get(row.conversation_id, 0)
        return _summary(row, listed, [model.model for model in used], cost)

    return [summary(row) for row in rows]


async def branches(views: Views, name: str, *, stale: bool = False) -> list[BranchRow]:
    """Return the branches of a conversation by name; the main one has none and is the first."""
    return await views.select(
        BranchRow, {"conversation_id": _id(views, name)}, order=("branch",), stale=stale
    )


async def turns(views: Views, name: str, *, branch: str = MAIN, stale: bool = False) -> list[Turn]:
    """Return the turns of a branch in the order in which they began, removed ones too."""
    owner = {"stream_id": _id(views, name, branch)}
    rows = await views.select(TurnRow, owner, stale=stale)
    used: dict[int, list[UsageRow]] = {}
    for usage_row in await views.select(UsageRow, owner, stale=True):
        used.setdefault(usage_row.turn, []).append(usage_row)
    running = itertools.accumulate(row.total_tokens for row in rows)
    return [
        Turn(
            row.number,
            row.message,
            row.items,
            row,
            row.context_tokens,
            row.total_tokens,
            so_far,
            costs_of(map(_call, used.get(row.number, ()))),
            readable_time(row.begun_at),
            readable_time(row.last_at),
            row.removed,
        )
        for row, so_far in zip(rows, running, strict=True)
    ]


async def usage(views: Views, name: str | None = None, *, stale: bool = False) -> list[Usage]:
    """Return what a conversation, or all of the tenant's, used of each model.

    Each call costs what it did at its time; what has no known price has none, which is not 0. Calls
    are read where a price of one of the models is known.
    """
    rows: Sequence[ModelRow | TenantModelRow]
    conversation = None if name is None else _id(views, name)
    if conversation is None:
        rows = await views.held(TenantModelRow, [views.log.tenant], stale=stale)
    else:
        rows = await views.held(ModelRow, [conversation], stale=stale)
    called: dict[str, list[Call]] = {}
    for call in await _every_call(views, conversation) if _have_price(rows) else ():
        called.setdefault(call.model or "", []).append(_call(call))
    return [
        Usage(
            model=row.model or None,
            cost=costs_of(called[row.model]) if row.model in called else _unpriced([row]),
            **counts_of(row),
        )
        for row in sorted(rows, key=lambda row: row.model)
    ]


async def tools(views: Views, *, stale: bool = False) -> list[Tool]:
    """Return what became of the calls of each of the tenant's tools, the most called first."""
    rows = await views.held(ToolRow, [views.log.tenant], stale=stale)
    return [_tool(row) for row in sorted(rows, key=lambda row: (-row.calls, row.name))]


async def tool_calls(
    views: Views, name: str, *, branch: str = MAIN, stale: bool = False
) -> list[ToolCallRow]:
    """Return every call of a branch, in the order in which they were made."""
    rows = await views.held(ToolCallRow, [_id(views, name, branch)], stale=stale)
    return sorted(rows, key=lambda row: (row.version, row.item))


async def search(
    views: Views,
    text: str,
    *,
    conversation: str | None = None,
    branch: str = MAIN,
    removed: bool | None = None,
    limit: int = PAGE,
    stale: bool = False,
) -> list[Found]:
    """Return items with all of these words, and these "phrases in quotes", the best first.

    `par*` is any word that begins so. What is a word, and what is best: docs/search.md. It is the
    same on every database.

    Removed items are found too, and marked; `removed` asks for those only, or for the others. Items
    of an encrypted log are found only where `views` have PLAIN_SEARCH.
    """
    check_text("text", text)
    wanted: dict[str, Any] = {}
    if conversation is not None:
        wanted["stream_id"] = _id(views, conversation, branch)
    if removed is not None:
        wanted["removed"] = int(removed)
    phrases = phrases_of(text)
    if not phrases:
        return []
    kind = PlainItemRow if views.keeps(PlainItemRow) else ItemRow
    newest = ("-recorded_at", *kind.key)
    rows = await views.search(kind, phrases, wanted, order=newest, limit=limit, stale=stale)
    return [
        Found(
            row.conversation,
            row.branch,
            row.version,
            row.item,
            row.type,
            row.role,
            row.text,
            row.removed,
            readable_time(row.recorded_at),
        )
        for row in rows
    ]


def _id(views: Views, name: str, branch: str = MAIN) -> bytes:
    return views.log.spi.stream_id(name, branch=branch)


def _have_price(models: Iterable[ModelRow | TenantModelRow]) -> bool:
    return any(has_price(each.model) for each in models)


def _unpriced(used: Iterable[Used]) -> Cost:
    return Cost(Decimal(0), sum(each.requests for each in used))


async def _every_call(views: Views, conversation: bytes | None) -> Sequence[UsageRow]:
    """Return what was counted in a conversation, or in all of the tenant's."""
    if conversation is None:
        return await views.select(UsageRow, {}, stale=True)
    return (await _calls(views, [conversation], stale=True)).get(conversation, ())


async def _calls(
    views: Views, conversations: Sequence[bytes], *, stale: bool
) -> dict[bytes, list[UsageRow]]:
    """Return what was counted in conversations, in all their branches, by conversation."""
    branches = await views.held(BranchRow, conversations, stale=stale)
    owners = {row.stream_id: row.conversation_id for row in branches}
    found: dict[bytes, list[UsageRow]] = {}
    for row in await views.held(UsageRow, list(owners), stale=True):
        found.setdefault(owners[row.stream_id], []).append(row)
    return found


def _call(row: UsageRow) -> Call:
    return Call(row, row.model, readable_time(row.recorded_at))


def _summary(row: ConversationRow, turns: int, models: Sequence[str], cost: Cost) -> Summary:
    return Summary(
        row.name,
        row.title or row.first_message,
        row.owner,
        tuple(msgspec.json.decode(row.tags)),
        row.items,
        turns,
        row.events,
        row.branches,
        row.input_tokens,
        row.output_tokens,
        row.total_tokens,
        cost,
        row.bytes,
        readable_time(row.first_at),
        readable_time(row.last_at),
        tuple(sorted(filter(None, models))),
        row,
        None if row.archived_at is None else readable_time(row.archived_at),
    )


def _tool(row: ToolRow) -> Tool:
    return Tool(
        row.name,
        row.calls,
        row.results,
        row.errors,
        row.calls - row.results,
        row.duration / row.timed / 1e6 if row.timed else None,
        row.longest / 1e6 if row.timed else None,
    )
