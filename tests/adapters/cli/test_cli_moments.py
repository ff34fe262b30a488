"""Times: what is printed is taken again, also local ones, ages and words; imports keep theirs."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession

from eventlog.errors import InvalidMomentError
from eventlog_cli.showing.times import Zone, moment, until_or_none
from tests.adapters.cli.conftest import Eventlog

LOCAL = "Europe/Zurich"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system whose zone is not UTC."""
    monkeypatch.setenv("TZ", LOCAL)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["--utc", "--local"])
def test_a_time_that_was_printed_finds_what_was_printed_with_it(
    db: str, eventlog: Eventlog, elsewhere: None, zone: str
) -> None:
    """To the second, in either zone: of every event, the list as it was then."""
    for line in eventlog("log", "order-1042", "--usage", zone).stdout.splitlines():
        version, printed, *_ = line.split("\t")
        (then,) = eventlog(
            "--json", "show", "order-1042", "--as-of", printed, zone
        ).stdout.splitlines()
        (known,) = eventlog("--json", "show", "order-1042", "--as-of", version).stdout.splitlines()
        # Two events of one moment are printed with their fractions, which are the same here.
        assert json.loads(then)["version"] - json.loads(known)["version"] in (0, 1)
    assert ("11:03:00" in eventlog("log", "order-1042", zone).stdout) is (zone == "--local")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", 42),
        ("2026-11-02T10:04:00Z", datetime(2026, 11, 2, 10, 4, 0, 999_999, UTC)),
        ("2026-11-02 10:04:00", datetime(2026, 11, 2, 10, 4, 0, 999_999, UTC)),
        ("2026-11-02 10:04:00.25", datetime(2026, 11, 2, 10, 4, 0, 259_999, UTC)),
        ("2026-11-02 10:04:00.123456", datetime(2026, 11, 2, 10, 4, 0, 123_456, UTC)),
        ("2026-11-02", datetime(2026, 11, 2, tzinfo=UTC)),
        ("2026-11-02T10:04+01:00", datetime(2026, 11, 2, 9, 4, tzinfo=UTC)),
    ],
)
def test_a_moment_is_the_end_of_what_was_written(text: str, expected: object) -> None:
    """A second means its end, so that what was printed in it is there; a day its beginning."""
    assert moment(text, Zone(is_utc=True)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", 42),
        ("2026-11-02", datetime(2026, 11, 2, 23, 59, 59, 999_999, UTC)),
        ("2026-11-02 10:04:00", datetime(2026, 11, 2, 10, 4, 0, 999_999, UTC)),
        ("2026-11-02T10:04", datetime(2026, 11, 2, 10, 4, tzinfo=UTC)),
    ],
)
def test_until_a_day_is_all_of_it(text: str, expected: object) -> None:
    """Of --since 2026-11-01 --until 2026-11-30 nobody expects that it leaves out the 30th."""
    assert until_or_none(text, Zone(is_utc=True)) == expected


def test_until_a_day_of_the_wall_clock_is_all_of_it(elsewhere: None) -> None:
    """Also of 25 hours, and the days that have a name."""
    zone = Zone(is_utc=False)
    end = datetime(2026, 10, 25, 22, 59, 59, 999_999, UTC)
    assert until_or_none("2026-10-25", zone) == end
    today, yesterday = until_or_none("today", zone), until_or_none("yesterday", zone)
    assert isinstance(today, datetime)
    assert isinstance(yesterday, datetime)
    assert yesterday < datetime.now(UTC) <= today


def test_every_list_with_an_end_has_all_of_its_last_day(db: str, eventlog: Eventlog) -> None:
    """`log`, `sessions` and `usage` decide it in one place."""
    day = ("--since", "2026-11-02", "--until", "2026-11-02", "--utc")
    for command in (("log", "order-1042"), ("sessions",), ("usage", "--by", "day")):
        alone = eventlog("--json", *command).stdout
        assert eventlog("--json", *command, *day).stdout == alone != ""
        before = eventlog("--json", *command, "--until", "2026-11-01", "--utc")
        assert before.stdout == ""


def _rows(eventlog: Eventlog, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in eventlog("--json", *arguments).stdout.splitlines()]


def test_tail_since_a_time_shows_all_since_then(db: str, eventlog: Eventlog) -> None:
    """However many they are; -n still says how many at most."""
    every = [row["position"] for row in _rows(eventlog, "tail", "-n", "99")]
    assert [row["position"] for row in _rows(eventlog, "tail", "--since", "2026-11-02")] == every
    since = ("--since", "2026-11-02 10:06:00", "--utc")
    late = [row["version"] for row in _rows(eventlog, "tail", *since)]
    assert late == [row["version"] for row in _rows(eventlog, "log", "order-1042", *since)] != []
    assert [row["version"] for row in _rows(eventlog, "tail", "-n", "1", *since)] == late[-1:]
    assert _rows(eventlog, "tail", "--since", "1s") == []


def test_ages_and_words_are_of_now() -> None:
    """2h, 90d, yesterday."""
    zone = Zone(is_utc=True)
    ages = {"30s": 30, "5m": 300, "2h": 7200, "90d": 7_776_000, "1w": 604_800, "1y": 31_536_000}
    for text, seconds in ages.items():
        found = moment(text, zone)
        assert isinstance(found, datetime)
        gone = datetime.now(UTC) - found - timedelta(seconds=seconds)
        assert timedelta(0) <= gone < timedelta(minutes=1), text
    today, yesterday = moment("today", zone), moment("yesterday", zone)
    assert isinstance(today, datetime)
    assert isinstance(yesterday, datetime)
    assert today - yesterday == timedelta(days=1)
    for wrong in ("soon", "2x", "h", "-2h", "99999999999y"):
        with pytest.raises(InvalidMomentError):
            moment(wrong, zone)


async def test_an_import_keeps_the_times_of_its_source(
    tmp_path: Path, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history of 2019 is not of today, and retention does not begin anew."""
    monkeypatch.chdir(tmp_path)
    session = SQLiteSession("from-before", "old.db")
    await session.add_items([{"role": "user", "content": "hello"}])
    session.close()
    with contextlib.closing(sqlite3.connect("old.db")) as db:
        db.execute("UPDATE agent_messages SET created_at = '2019-05-04 10:00:00'")
        db.commit()
    where = ("--db", "log.db", "--utc")
    assert eventlog(*where, "import", "old.db").exit_code == 0
    (shown,) = eventlog(*where, "--json", "sessions").stdout.splitlines()
    assert json.loads(shown)["last_at"] == "2019-05-04T10:00:00+00:00"
    assert eventlog(*where, "sessions", "--since", "2020-01-01").stdout == ""
    (old,) = eventlog(
        *where, "--json", "prune", "--older-than", "2y", "--dry-run"
    ).stdout.splitlines()
    assert json.loads(old)["became"] == "chosen"
