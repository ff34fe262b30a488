"""Reads the usage of turns from AdvancedSQLiteSession's table `turn_usage`."""

import json
import sqlite3
from typing import Any, Final, cast

from eventlog.format.codec import decode_json
from eventlog_importing.rows import TurnRow, moment
from eventlog_projections.history.counts import Counts

TABLE: Final = "turn_usage"
"""It has this name in every file."""

_COLUMNS: Final = (
    "user_turn_number",
    "requests",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "input_tokens_details",
    "output_tokens_details",
    "created_at",
)

_TURNS: Final = f"""
    SELECT (
        SELECT coalesce(max(t.user_turn_number), 0) FROM message_structure t
        WHERE t.session_id = u.session_id AND t.branch_id = u.branch_id
    ), {", ".join(_COLUMNS)}
    FROM {TABLE} u WHERE session_id = CAST(? AS TEXT) AND branch_id = CAST(? AS TEXT)
    ORDER BY user_turn_number
"""  # noqa: S608 - constants

_NO_NUMBERS: Final = "its numbers are none"
_NO_DETAILS: Final = "its details cannot be read; its other numbers can"


def turns_of(db: sqlite3.Connection, session: str, branch: str) -> list[TurnRow]:
    """Return the usage of each turn of a branch, in order; `branch` as in the table."""
    place = (session.encode("utf-8", "surrogateescape"), branch.encode("utf-8", "surrogateescape"))
    return [_turn(last, *columns) for last, *columns in db.execute(_TURNS, place)]


def _turn(last: Any, turn: Any, *columns: Any) -> TurnRow:
    *numbers, given, made, at = columns
    raw = json.dumps(dict(zip(_COLUMNS, map(_text, (turn, *columns)), strict=True))).encode()
    place = (str(_text(turn)), max(0, last - turn) if _is_count(turn) and _is_count(last) else 0)
    known = [0 if number is None else number for number in numbers]
    if not all(map(_is_count, (turn, *known))):
        return TurnRow(*place, raw, None, moment(at), _NO_NUMBERS)
    requests, input_tokens, output_tokens, total_tokens = known
    cached, written = _details(given, "cached_tokens", "cache_write_tokens")
    (reasoning,) = _details(made, "reasoning_tokens")
    details = (cached, written, reasoning)
    counts = Counts(
        requests,
        input_tokens,
        cached or 0,
        written or 0,
        output_tokens,
        reasoning or 0,
        total_tokens,
    )
    return TurnRow(*place, raw, counts, moment(at), _NO_DETAILS if None in details else None)


def _details(stored: Any, *names: str) -> list[int | None]:
    """Read numbers of a JSON object, 0 where there is none; None for what is no number."""
    if stored is None:
        return [0] * len(names)
    try:
        found: Any = decode_json(stored if isinstance(stored, bytes) else str(stored).encode())
    except ValueError:
        return [None] * len(names)
    if not isinstance(found, dict):
        return [None] * len(names)
    details = cast(dict[str, Any], found)
    numbers = [details.get(name) or 0 for name in names]
    return [number if _is_count(number) else None for number in numbers]


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _text(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
