"""The view that search goes by: the text of every item that ever was in a list. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from eventlog import ItemsAdded
from eventlog.views import Removed
from eventlog_projections.items.parts import fields_of
from eventlog_projections.items.text import text_of
from eventlog_projections.views.projection import Projection, Rows, Written
from eventlog_projections.views.row import Row
from eventlog_projections.views.step import Step

_END: Final = 2**62


class ItemRow(Row, frozen=True, kw_only=True):
    """The text of an item: number `item` of those that the event `version` added at `place`.

    `removed` while it is not in the list. Items without any text have no row, and neither do those
    that are encrypted in the log.
    """

    table = "items"
    key = ("stream_id", "place", "version")
    searched = "text"
    readable = "items"
    is_shown = False
    is_read = False

    stream_id: bytes
    place: int
    version: int
    item: int
    tenant: str
    conversation: str
    branch: str
    type: str
    role: str
    recorded_at: int
    removed: bool
    text: str


class PlainItemRow(ItemRow, frozen=True, kw_only=True):
    """The same, of an encrypted log too."""

    table = "plain_items"
    readable = "plain_items"


def fold(step: Step, _rows: Rows) -> Iterator[Written]:
    """Take a step."""
    return _fold(step, ItemRow, () if step.is_encrypted else step.items)


def fold_plain(step: Step, _rows: Rows) -> Iterator[Written]:
    """Take a step, whether or not it is encrypted."""
    return _fold(step, PlainItemRow, step.items)


def _fold(step: Step, kind: type[ItemRow], items: Sequence[Any]) -> Iterator[Written]:
    if step.start is None:
        return
    if step.version > 1 and step.kind != ItemsAdded.kind:
        yield kind, Removed(step.stream_id, step.start, _END, None, removed=True)
    for listed in step.listed or ():
        yield (
            kind,
            Removed(step.stream_id, listed.start, listed.stop, listed.version, removed=False),
        )
    for index, item in enumerate(items):
        text = text_of(item)
        if text:
            fields = fields_of(item)
            yield kind(
                stream_id=step.stream_id,
                place=step.start + index,
                version=step.version,
                item=index,
                tenant=step.tenant,
                conversation=step.conversation,
                branch=step.branch,
                type=_said(fields, "type", "message"),
                role=_said(fields, "role", ""),
                recorded_at=step.at,
                removed=False,
                text=text,
            )


def _said(fields: dict[str, Any], name: str, otherwise: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else otherwise


SEARCH = Projection("search", 2, (ItemRow,), fold)

PLAIN_SEARCH = Projection("plain_search", 2, (PlainItemRow,), fold_plain)
"""Keeps the words of encrypted logs too, in plain: for those who ask for it."""
