"""How answers are printed: at any width, in pipes, as CSV; and which log they are about."""

import csv
import io
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from eventlog import EventLog
from eventlog_cli.showing.layout import Table, columns, drawn, markdown, piped, row
from eventlog_cli.showing.text import Text, width, wrapped
from eventlog_projections import Conversation
from tests.adapters.cli.conftest import Eventlog, program
from tests.adapters.cli.shop import user
from tests.waiting import PATIENCE

IDS = ("customer-4711-conversation-of-monday", "customer-4711-conversation-of-tuesday")
TABLES = (
    "sessions",
    "search hello",
    "turns {0}",
    "usage",
    "tools",
    "hold list",
    "branches {0}",
    "config",
)


@pytest.fixture
async def long_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "log.db"
    async with EventLog(path) as log:
        for name in IDS:
            await Conversation(log, name).add([user("hello, " + "this is a long message " * 9)])
    monkeypatch.setenv("EVENTLOG_DB", str(path))
    return str(path)


@pytest.mark.parametrize("columns_", [40, 60, 80, 120, 200])
def test_an_id_is_whole_where_it_is_typed_next(
    long_names: str, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch, columns_: int
) -> None:
    """Other columns give way; the text is still there where there is any room, and all is used."""
    monkeypatch.setenv("COLUMNS", str(columns_))
    monkeypatch.setenv("FORCE_COLOR", "1")
    for command in ("sessions", "search hello", "tail"):
        shown = re.sub(r"\x1b\[[0-9;]*m", "", eventlog(*command.split()).stdout)
        assert all(name in shown for name in IDS), (command, shown)
        assert all(width(line) <= columns_ for line in shown.splitlines())
    shown = re.sub(r"\x1b\[[0-9;]*m", "", eventlog("log", IDS[0]).stdout)
    assert "hello" in shown
    assert max(map(width, shown.splitlines())) >= min(columns_, 200) - 1


def test_a_terminal_too_narrow_for_ids_keeps_a_beginning_and_says_so(
    long_names: str, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that no other has; and which columns it left out. Where there is none, the whole id."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    for columns_, is_cut in ((34, True), (25, False)):
        monkeypatch.setenv("COLUMNS", str(columns_))
        told = eventlog("sessions")
        shown = [line.rstrip("\N{HORIZONTAL ELLIPSIS}") for line in plain(told.stdout)]
        beginnings = [line for line in shown if line.startswith("customer")]
        assert len(set(beginnings)) == 2
        for beginning in beginnings:
            assert eventlog("export", beginning).exit_code == 0
        assert ("Too narrow for whole ids" in told.stderr) is is_cut
        assert "Too narrow for: " in told.stderr
        assert any("hello" in line for line in shown)


def plain(text: str) -> list[str]:
    """Return lines without their styles."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


def test_a_pipe_has_one_line_a_row_and_nothing_else(long_names: str, eventlog: Eventlog) -> None:
    """No padding, no head, no sum; hints are on the other stream."""
    lines = eventlog("sessions").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == list(reversed(IDS))
    assert "  " not in lines[0]
    told = eventlog("sessions", "-n", "1")
    assert len(told.stdout.splitlines()) == 1
    assert "There are more than 1" in told.stderr


@pytest.mark.parametrize("form", ["json", "csv", "tsv", "md"])
@pytest.mark.parametrize("command", TABLES)
def test_a_table_has_every_format(
    long_names: str, eventlog: Eventlog, form: str, command: str
) -> None:
    """The names of CSV are those of JSON."""
    arguments = command.format(IDS[0]).split()
    shown = eventlog(*arguments, "--format", form)
    assert shown.exit_code == 0, shown.output
    lines = [json.loads(line) for line in eventlog("--json", *arguments).stdout.splitlines()]
    if form == "json":
        assert [json.loads(line) for line in shown.stdout.splitlines()] == lines
    elif form == "md":
        assert not lines or shown.stdout.splitlines()[1].startswith("| ---")
    elif lines:
        separator = "," if form == "csv" else "\t"
        rows = list(csv.DictReader(io.StringIO(shown.stdout), delimiter=separator))
        assert len(rows) == len(lines)
        assert list(rows[0]) == list(lines[0])


def test_a_name_with_a_line_break_breaks_no_table() -> None:
    """Nor does one with a tab: cells are one line each, whatever is in them."""
    table = Table(columns("id!", "text~"), [row("a\tb\nc", "x | y\nz")])
    assert piped(table) == ["a b c\tx | y z"]
    assert markdown(table)[2] == "| a b c | x \\| y z |"


def test_widths_are_those_of_a_terminal() -> None:
    """Wide characters take two columns, marks none; a cut text says that it was."""
    assert [width(text) for text in ("abc", "日本", "e\u0301", "")] == [3, 4, 1, 0]
    assert Text.of("日本語").cut(4).plain == "日\N{HORIZONTAL ELLIPSIS}"
    assert list(wrapped("aa bb ccccccc", 5)) == ["aa bb", "ccccc", "cc"]
    table = Table(columns("n#", "text~"), [row("1", "日本語日本語日本語")])
    assert [line.width for line in drawn(table, 12).lines[1:]] == [12]


def test_a_log_is_named_by_a_file_of_the_project_or_the_user(
    long_names: str, eventlog: Eventlog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is typed counts first, then a variable, then these; each says who said it."""
    project, home = tmp_path / "project" / "src", tmp_path / "home"
    project.mkdir(parents=True)
    (home / "eventlog").mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.delenv("EVENTLOG_DB")

    def told() -> dict[str, dict[str, str]]:
        lines = eventlog("--json", "config").stdout.splitlines()
        return {each["setting"]: each for each in map(json.loads, lines)}

    assert eventlog("sessions").exit_code == 2
    assert told()["db"]["source"] == "nobody"
    user_file = home / "eventlog" / "config.toml"
    user_file.write_text(f'db = "{long_names}"\ntenant = "default"\nutc = true\n')
    assert eventlog("sessions").exit_code == 0
    assert (told()["db"]["source"], told()["utc"]["value"]) == (str(user_file), "True")
    project_file = tmp_path / "project" / "pyproject.toml"
    project_file.write_text('[tool.eventlog]\ndb = "other.db"\n')
    assert told()["db"]["value"] == str(tmp_path / "project" / "other.db")
    monkeypatch.setenv("EVENTLOG_DB", long_names)
    assert told()["db"]["source"] == "EVENTLOG_DB"
    (typed,) = [
        json.loads(line)
        for line in eventlog("--json", "--db", "x.db", "config").stdout.splitlines()
        if json.loads(line)["setting"] == "db"
    ]
    assert typed["source"] == "--db"
    project_file.write_text("[tool.eventlog]\ndb = 3\n")
    monkeypatch.delenv("EVENTLOG_DB")
    assert eventlog("sessions").exit_code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_names_are_completed_as_click_completes_them(long_names: str, shell: str) -> None:
    """Without loading what reads options; a whole command line as before."""

    def told(words: str, number: int) -> str:
        asked = {"_EVENTLOG_COMPLETE": f"{shell}_complete", "COMP_WORDS": words}
        done = subprocess.run(
            program(),
            env={**os.environ, **asked, "COMP_CWORD": str(number)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return done.stdout

    at_once = told("eventlog show customer", 2)
    assert at_once == told("eventlog show --all customer", 3)
    assert all(name in at_once for name in IDS)
    assert told("eventlog show la", 2) == told("eventlog show --all la", 3)


@pytest.mark.parametrize(
    ("sort", "column"),
    [
        ("items", "items"),
        ("turns", "turns"),
        ("tokens", "tokens"),
        ("cost", "cost"),
        ("bytes", "bytes"),
        ("first", "first"),
    ],
)
def test_what_conversations_are_sorted_by_is_shown(
    db: str, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch, sort: str, column: str
) -> None:
    """However narrow the terminal is: other columns are left out."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "48")
    head, *_ = plain(eventlog("sessions", "--sort", sort).stdout)
    assert re.split(" {2,}", head)[:2] == ["id", "title"]
    assert column in re.split(" {2,}", head)


def test_what_was_not_counted_costs_nothing_that_is_unknown(
    db: str, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dash, and no question mark in its row."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, *rows, total = plain(eventlog("sessions", "--cost").stdout)
    costs = [*(re.split(" {2,}", each)[-2] for each in rows), total.split()[-1]]
    assert costs == ["?", "-", "?"]
