"""The view of conversations: one row for each, one for each of its branches. Pure."""

from collections.abc import Iterator

import msgspec

from eventlog import ItemsAdded
from eventlog.events import (
    BranchDeleted,
    ConversationArchived,
    ConversationLabelled,
    HoldLifted,
    HoldPlaced,
    UsageRecorded,
)
from eventlog.format.names import MAIN
from eventlog_projections.items.changes import USES
from eventlog_projections.items.text import summary_of
from eventlog_projections.items.turns import is_user_message
from eventlog_projections.items.uses import use_time
from eventlog_projections.views.projection import Projection, Rows, Written
from eventlog_projections.views.row import Row, digest_of
from eventlog_projections.views.step import Step


class ConversationRow(Row, frozen=True, kw_only=True):
    """A conversation, with all its branches. Times are microseconds, UTC.

    `title`, `owner` and `tags` (a JSON array) are its labels, those of the main branch; `owner_key`
    is the digest of `owner`, by which rows are found; `items` is the length of the main branch's
    list; `bytes` is what its contents take in the log. `last_at` is when its list was last changed,
    or something used: labels, holds and other facts about it are no use of it. Labels and first
    message are not there where the log is encrypted. `archived_at` is when it was closed to
    writers, None if it is open.
    """

    table = "conversations"
    key = ("conversation_id",)
    indexes = (("tenant", "last_at", "conversation_id"), ("tenant", "owner_key"))
    readable = "conversations"

    conversation_id: bytes
    tenant: str
    name: str
    title: str | None = None
    first_message: str | None = None
    owner: str | None = None
    owner_key: bytes | None = None
    tags: str = "[]"
    items: int = 0
    events: int = 0
    branches: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    bytes: int = 0
    first_at: int
    last_at: int
    archived_at: int | None = None


class BranchRow(Row, frozen=True, kw_only=True):
    """A branch of a conversation; the main one has no name."""

    table = "branches"
    key = ("conversation_id", "stream_id")
    readable = "branches"

    conversation_id: bytes
    stream_id: bytes
    branch: str
    version: int
    items: int
    is_deleted: bool = False
    first_at: int
    last_at: int


def fold(step: Step, rows: Rows) -> Iterator[Written]:
    """Take a step."""
    at = use_time(step.event)
    conversation = rows.get(ConversationRow) or ConversationRow(
        conversation_id=step.conversation_id,
        tenant=step.tenant,
        name=step.conversation,
        first_at=at,
        last_at=at,
    )
    before = rows.get(BranchRow, step.stream_id)
    branch = _branch(step, before)
    yield branch
    is_main, stored = step.branch == MAIN, step.event.stored
    content = {} if step.event.is_erased else _content(step, conversation, is_main=is_main)
    yield msgspec.structs.replace(
        conversation,
        events=conversation.events + 1,
        bytes=conversation.bytes + len(stored.body or b"") + len(stored.context or b""),
        branches=conversation.branches + (0 if is_main else _shown(branch) - _shown(before)),
        last_at=max(conversation.last_at, at) if step.kind in USES else conversation.last_at,
        items=step.total if is_main else conversation.items,
        archived_at=_archived_at(step, conversation) if is_main else conversation.archived_at,
        **content,
    )


def _archived_at(step: Step, before: ConversationRow) -> int | None:
    """Tell when a conversation was closed: it is while its last event says so."""
    if step.kind == ConversationArchived.kind:
        return step.at if before.archived_at is None else before.archived_at
    if step.kind in (HoldPlaced.kind, HoldLifted.kind):
        return before.archived_at  # The same batch closes it again.
    return None


def _branch(step: Step, before: BranchRow | None) -> BranchRow:
    is_deleted = before is not None and before.is_deleted
    if step.start is not None:
        is_deleted = step.kind == BranchDeleted.kind
    return BranchRow(
        conversation_id=step.conversation_id,
        branch=step.branch,
        stream_id=step.stream_id,
        version=step.version,
        items=step.total,
        is_deleted=is_deleted,
        first_at=step.at if before is None else before.first_at,
        last_at=step.at if before is None or step.kind in USES else before.last_at,
    )


def _shown(branch: BranchRow | None) -> int:
    return int(branch is not None and not branch.is_deleted)


def _content(step: Step, before: ConversationRow, *, is_main: bool) -> dict[str, object]:
    if before.first_message is None and step.kind == ItemsAdded.kind:
        shown = () if step.is_encrypted or step.header.inner else step.items
        message = next((item for item in shown if is_user_message(item)), None)
        return {} if message is None else {"first_message": summary_of(message)}
    if step.kind not in (UsageRecorded.kind, ConversationLabelled.kind):
        return {}
    event = step.event.event
    if isinstance(event, UsageRecorded):
        names = ("input_tokens", "output_tokens", "total_tokens")
        return {name: getattr(before, name) + getattr(event, name) for name in names}
    if isinstance(event, ConversationLabelled) and is_main and not step.is_encrypted:
        return _labels(event)
    return {}


def _labels(event: ConversationLabelled) -> dict[str, object]:
    changes: dict[str, object] = {}
    if event.title is not None:
        changes["title"] = event.title or None
    if event.owner is not None:
        changes["owner"] = event.owner or None
        changes["owner_key"] = digest_of(event.owner) if event.owner else None
    if event.tags is not None:
        changes["tags"] = msgspec.json.encode(event.tags).decode()
    return changes


CONVERSATIONS = Projection("conversations", 3, (ConversationRow, BranchRow), fold)
