"""Finds the usage of turns that a source has and the log has not. Pure.

A source may change what it says of a turn: it adds what later calls used. What is recorded is what
is above what was recorded before, so that the sum is right; each event names, in its `event_id`,
the turn and the row that it came of.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from eventlog import Context, NewEvent, RecordedEvent
from eventlog.events import RowPreserved, UsageRecorded
from eventlog_importing.rows import TurnRow
from eventlog_projections.history.counts import Counts

_ID: Final = "turn_usage"


class Imported(NamedTuple):
    """The usage that imports have recorded: the ids of its rows, and the sum for each turn."""

    rows: frozenset[str]
    counts: dict[str, Counts]

    @classmethod
    def of(cls, events: Iterable[RecordedEvent]) -> "Imported":
        """Collect it from the events of a stream."""
        rows: set[str] = set()
        counts: dict[str, Counts] = {}
        for recorded in events:
            if recorded.event_id is None or not is_of_a_turn(recorded.event_id):
                continue
            rows.add(recorded.event_id)
            if not recorded.is_erased and isinstance(used := recorded.event, UsageRecorded):
                turn = _turn_of(recorded.event_id)
                counts[turn] = counts.get(turn, Counts()).plus(Counts.recorded(used))
        return cls(frozenset(rows), counts)


def is_of_a_turn(event_id: str | None) -> bool:
    """Tell whether an event says what a turn of the source used, or keeps a row that should."""
    return event_id is not None and event_id.startswith(f"{_ID} ")


def unrecorded(
    turns: Sequence[TurnRow], imported: Imported, actor: str
) -> Iterator[tuple[TurnRow, list[NewEvent]]]:
    """Yield the rows with new numbers, each with the events to append."""
    for turn in turns:
        events = list(_events(turn, imported, actor))
        if events:
            yield turn, events


def _events(turn: TurnRow, imported: Imported, actor: str) -> Iterator[NewEvent]:
    used_id, kept_id = _event_id(turn, "used"), _event_id(turn, "kept")
    context = Context(actor=actor, source_time=None if turn.at is None else [turn.at])
    if turn.counts is not None and used_id not in imported.rows:
        before = imported.counts.get(turn.turn)
        new = turn.counts.minus(before or Counts())
        if before is None or any(new):
            used = UsageRecorded(**new._asdict(), turns_ago=turn.turns_ago)
            yield NewEvent(used, context, used_id)
    if turn.problem is not None and kept_id not in imported.rows:
        yield NewEvent(RowPreserved.of(turn.raw, turn.problem), context, kept_id)


def _event_id(turn: TurnRow, what: str) -> str:
    row = hashlib.sha256(turn.raw).hexdigest()
    # A turn that is no number is a text of any length, and may have spaces.
    number = turn.turn if turn.turn.isdecimal() else "?"
    return f"{_ID} {number} {what} {row}"


def _turn_of(event_id: str) -> str:
    return event_id.split(" ")[1]
