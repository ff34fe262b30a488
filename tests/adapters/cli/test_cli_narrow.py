"""What somebody asked for is there at 80 columns: words, sums, names, and where things left."""

import re
from pathlib import Path

import pytest

from eventlog import EventLog
from eventlog_cli.showing.layout import Table, columns, drawn, row
from eventlog_cli.showing.text import width
from eventlog_projections import Conversation, erase
from tests.adapters.cli.conftest import Eventlog
from tests.adapters.cli.shop import agent, looked_up, user


@pytest.fixture(autouse=True)
def in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")


def lines(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


@pytest.mark.parametrize("room", [40, 80, 200])
async def test_a_hit_shows_its_words_and_who_said_them(
    eventlog: Eventlog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """Below its row where there is little room, and calls and results are called so, as ever."""
    monkeypatch.setenv("COLUMNS", str(room))
    path = str(tmp_path / "log.db")
    async with EventLog(path) as log:
        said = [user("x"), *looked_up("1042"), agent("I am sorry: the parcel is lost. " * 2)]
        await Conversation(log, "support/2026-11/1184").add(said)
    shown = lines(eventlog("--db", path, "search", "lost").stdout)
    assert all(width(line) <= room for line in shown), shown
    text = "\n".join(shown)
    assert "function_call_output" not in text
    assert re.search(r"support/2026-11/1184 .* result\b", text)
    assert "the parcel is lost" in text
    assert len(shown) == (3 if room == 200 else 5)


def test_columns_that_say_nothing_go_first_and_are_not_missed() -> None:
    """Whatever their rank; those that say something are named."""
    found = Table(
        columns("key", "zero1#", "none2", "some3#", "total#"),
        [row("claude-sonnet-4-5", "0", "", "7", "12"), row("x", "0", "-", "8", "13")],
    )
    narrow = drawn(found, 30)
    assert [line.plain for line in narrow.lines] == [
        "key                some  total",
        "claude-sonnet-4-5     7     12",
        "x                     8     13",
    ]
    assert narrow.left_out == []
    assert drawn(found, 25).left_out == ["some"]


async def test_the_total_of_turns_has_what_they_cost(db: str, eventlog: Eventlog) -> None:
    """As far as it is known."""
    total = lines(eventlog("turns", "order-1042").stdout)[-1]
    assert total.split() == ["total", "6", "269", "?"]


async def test_a_tree_says_where_branches_left_and_with_what(
    db: str, eventlog: Eventlog, tmp_path: Path
) -> None:
    """A fork of another conversation too; `show` says of which version the list is a fork."""
    async with EventLog(db) as log:
        chat = Conversation(log, "order-1042")
        idea = await chat.fork("order-1042", branch="idea", at=2, kept=3)
        await idea.fork("another", at=1)
    text = "\n".join(lines(eventlog("branches", "order-1042").stdout))
    assert re.search(r"^  idea +main 2, with 3 items", text, re.MULTILINE)
    assert re.search(r"^    fork another +idea 1, with 3 items", text, re.MULTILINE)
    heading = lines(eventlog("show", "another").stdout)[0]
    assert heading.endswith("began as a fork of order-1042 (idea) at version 1")


async def test_an_empty_list_says_why_and_how_one_sees_more(db: str, eventlog: Eventlog) -> None:
    """Cleared or erased; what is to be typed has the id."""
    assert eventlog("clear", "order-1042").exit_code == 0
    cleared = eventlog("show", "order-1042").stderr
    assert cleared == "Its list is empty. `eventlog log order-1042` shows what happened.\n"
    async with EventLog(db) as log:
        await erase(log, "order-1042", by="dpo", reason="gdpr-17")
    erased = eventlog("show", "order-1042").stderr
    assert erased.startswith("Its list is empty: erased by dpo: gdpr-17, on 20")
    assert erased.endswith("`eventlog log order-1042` shows what is left.\n")


async def test_times_stand_in_one_column_and_find_their_version(
    eventlog: Eventlog, tmp_path: Path
) -> None:
    """However exactly each of them has to be told."""
    path = str(tmp_path / "log.db")
    ticks = iter([0, 5_000_000, 5_000_001, 5_400_000, 9_000_000])
    async with EventLog(path, clock=lambda: 1_793_613_600_000_000 + next(ticks)) as log:
        for number in range(5):
            await Conversation(log, "chat").add([f"said {number}"])
    _, *shown = lines(eventlog("--utc", "--db", path, "log", "chat").stdout)
    assert len({line.index("added") for line in shown}) == 1
    assert [line.split()[1] for line in shown] == [
        *("10:00:00", "10:00:05.000000", "10:00:05.000001", "10:00:05.400", "10:00:09"),
    ]
    for version, line in enumerate(shown, start=1):
        at = f"2026-11-02 {line.split()[1]}"
        found = eventlog("--utc", "--db", path, "show", "chat", "--as-of", at)
        assert f"version {version}," in lines(found.stdout)[0]


def test_the_main_branch_may_be_called_main(db: str, eventlog: Eventlog) -> None:
    """As the SDK and `branches` call it."""
    assert (
        eventlog("show", "order-1042", "--branch", "main").stdout
        == eventlog("show", "order-1042").stdout
    )


def test_stats_say_where_the_log_is(db: str, eventlog: Eventlog) -> None:
    """In words."""
    assert "".join(lines(eventlog("stats").stdout)).startswith(f"{db},")


async def test_what_would_be_pruned_is_summed_up(eventlog: Eventlog, tmp_path: Path) -> None:
    """By what becomes of it; a hold does not name the conversation that it is on once more."""
    path = str(tmp_path / "log.db")
    async with EventLog(path, clock=lambda: 1_550_000_000_000_000) as log:
        for name in ("old-1", "old-2", "old-3"):
            await Conversation(log, name).add(["hello"])
    assert eventlog("--db", path, "hold", "place", "old-2", "case-7").exit_code == 0
    told = eventlog("--db", path, "prune", "--older-than", "7d", "--dry-run", "--reason", "old")
    assert [line.split()[::3] for line in lines(told.stdout)[1:]] == [
        ["old-1", "chosen"],
        ["old-2", "held"],
        ["old-3", "chosen"],
    ]
    assert told.stderr.endswith("3 conversations: 2 chosen, 1 held.\n")


def test_a_name_that_matches_nothing_says_where_names_are_listed(
    db: str, eventlog: Eventlog
) -> None:
    """Whole names are asked for."""
    told = eventlog("sessions", "--model", "a model", "--owner", "ad").stderr
    assert told == (
        "No conversation matches that. Names are whole: `eventlog usage --by owner` or"
        " `eventlog usage --by model` lists them.\n"
    )
    assert eventlog("sessions", "--tag", "x").stderr == "No conversation matches that.\n"
