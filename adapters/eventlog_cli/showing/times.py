"""Times as people write and read them: local or UTC, to the second, or as an age.

What is printed is taken again: without a zone it is the zone that was printed, and a time to the
second means the end of that second, so that what was printed in it is there.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from eventlog.errors import InvalidMomentError

LONGEST: Final = 40
"""Characters of a moment that an error repeats."""

AGES: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
"""Seconds of a unit."""

DAYS: Final = {"today": 0, "yesterday": 1}

_SECONDS: Final = re.compile(r"\d\d:\d\d:\d\d(?:[.,](\d+))?")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_EXPECTED: Final = "Write 42, 2026-11-01, 2026-11-01 12:00:00, 2h, 90d, today, yesterday or now."


class Zone:
    """The zone in which times are printed and taken."""

    def __init__(self, *, is_utc: bool) -> None:
        self.is_utc: Final = is_utc
        self._zone: tzinfo | None = UTC if is_utc else None

    def seen(self, at: datetime | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return a time to the second; a question mark for one that no calendar has."""
        if at is None:
            return "?"
        try:
            return f"{at.astimezone(self._zone):{form}}"
        except (OverflowError, OSError):  # Beyond what the system's zones know.
            return f"{at:{form}}"

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC).astimezone(self._zone)

    def own(self, found: datetime) -> datetime:
        """Return a time without a zone in this one."""
        return found.replace(tzinfo=UTC) if self.is_utc else found.astimezone()


def exact_enough(times: Sequence[datetime | None], zone: Zone) -> list[str]:
    """Return the time of day of events that follow each other, each told from those beside it.

    To the second, or as much more as that takes: what is printed finds its event again.
    """
    seconds = [zone.seen(each) for each in times]
    parts = ["" if each is None else f"{each:%f}" for each in times]
    told: list[str] = []
    for index, at in enumerate(times):
        beside = [other for other in (index - 1, index + 1) if 0 <= other < len(times)]
        same = [other for other in beside if seconds[other] == seconds[index]]
        near = any(parts[other][:3] == parts[index][:3] for other in same)
        digits = (6 if near else 3) if same and at is not None else 0
        fraction = f".{parts[index][:digits]}" if digits else ""
        told.append(zone.seen(at, "%H:%M:%S") + fraction)
    return told


def moment_or_none(text: str | None, zone: Zone) -> int | datetime | None:
    """Return the version or time that a text names, if there is one."""
    return None if text is None else moment(text, zone)


def moment(text: str, zone: Zone) -> int | datetime:
    """Return the version or time that a text names. Raises InvalidMomentError."""
    if re.fullmatch(r"-?\d{1,19}", text):
        return int(text)
    found = time(text, zone)
    return _end(text, found)


def until_or_none(text: str | None, zone: Zone) -> int | datetime | None:
    """Return the version or time up to which something is wanted: a day is wanted as a whole."""
    if text is None:
        return None
    found = moment(text, zone)
    if isinstance(found, datetime) and (text in DAYS or _DAY.fullmatch(text)):
        # Of the wall clock, as a day may have 23 or 25 hours.
        end = found.replace(hour=23, minute=59, second=59, microsecond=999_999, tzinfo=None)
        return zone.own(end)
    return found


def until_time(text: str | None, zone: Zone) -> datetime | None:
    """Return that time where a version means nothing. Raises InvalidMomentError."""
    found = until_or_none(text, zone)
    return time(str(found), zone) if isinstance(found, int) else found


def time(text: str, zone: Zone) -> datetime:
    """Return the time that a text names, or began with. Raises InvalidMomentError."""
    try:
        found = _named(text, zone)
        if found is None:
            found = datetime.fromisoformat(text)
        return zone.own(found) if found.tzinfo is None else found
    except (ValueError, OverflowError, OSError):
        raise InvalidMomentError(f"{_cut(text)} is no version and no time. {_EXPECTED}") from None


def _named(text: str, zone: Zone) -> datetime | None:
    """Return a time that is named by a word or by how long ago it was."""
    if text == "now":
        return zone.now()
    if text in DAYS:
        day = (zone.now() - timedelta(days=DAYS[text])).replace(tzinfo=None)
        return day.replace(hour=0, minute=0, second=0, microsecond=0)
    if re.fullmatch(r"\d{1,9}[smhdwy]", text):
        return zone.now() - timedelta(seconds=int(text[:-1]) * AGES[text[-1]])
    return None


def _end(text: str, found: datetime) -> datetime:
    """Return the last microsecond of what was written down."""
    written = _SECONDS.search(text)
    if written is None:
        return found
    digits = len(written[1] or "")
    left = 10 ** max(0, 6 - digits) - 1
    return found + timedelta(microseconds=left)


def _cut(text: str) -> str:
    return repr(text if len(text) <= LONGEST else text[:LONGEST] + "...")
