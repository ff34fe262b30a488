"""The result of an import, and its progress."""

from collections.abc import Sequence
from typing import NamedTuple


class Preserved(NamedTuple):
    """A row that is no item: it was kept as it is, as row `row` of its conversation, from 0."""

    conversation: str
    row: int
    why: str


class Refused(NamedTuple):
    """A conversation of which nothing more was copied, and why."""

    conversation: str
    why: str


class Progress(NamedTuple):
    """How much an import has done so far."""

    conversations: int
    """Done, whether there was anything to copy or not."""
    rows: int
    """Copied by this import."""


class ImportReport(NamedTuple):
    """What an import found and copied. `copied + unchanged + len(refused)` is all of it."""

    conversations: int
    copied: int
    """Conversations of which something was copied, to their end."""
    unchanged: int
    """Conversations that were in the log already, to their end."""
    items: int
    """Items that were copied."""
    preserved: Sequence[Preserved]
    refused: Sequence[Refused]
