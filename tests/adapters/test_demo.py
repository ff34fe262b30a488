"""What `make demo` and the examples promise to a newcomer."""

import contextlib
import json
import os
import re
import runpy
import select
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import EventLog
from eventlog.format.codec import DEFLATE, decompress
from eventlog_projections import Conversation
from examples.demo import stage
from tests.adapters.playing import DEMO, PYTHON, ROOT, Played, environment, make_checkout, play, run
from tests.waiting import PATIENCE

SESSION: Final = "order-1042"

GONE: Final = "\N{MULTIPLICATION SIGN}"

INTERRUPTIBLE: Final = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from examples.demo.__main__ import main; raise SystemExit(main([]))"
)
"""The demo, where whoever started the tests may ignore Ctrl-C."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Play the demo twice, with a key that it has no use for, a reader holding the first file."""
    where = make_checkout(tmp_path_factory.mktemp("checkout"))
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        first = play(where, proxy)
        with contextlib.closing(sqlite3.connect(where / stage.LOG)) as reader:
            reader.executescript("BEGIN; SELECT count(*) FROM events;")
            second = play(where, proxy)
        return Played(where, [first, second], bool(select.select([proxy], [], [], 0)[0]))


def test_the_offline_demo_sends_nothing_anywhere(played: Played) -> None:
    """Not to a model and not as a trace, even where there is a key."""
    assert not played.tried_to_connect


def test_the_demo_reads_well_in_80_columns_and_without_colour(played: Played) -> None:
    """In a pipe there is no escape sequence and no line that is too long."""
    for output in played.outputs:
        assert "\x1b" not in output
        assert max(map(len, output.splitlines())) <= 80


def test_the_demo_starts_anew_each_time(played: Played) -> None:
    """The second run shows as many events as the first, though somebody held the first's file."""
    assert [output.count("4  Every event ever: 16 ") for output in played.outputs] == [1, 1]


def test_the_demo_shows_the_agent_use_its_tool(played: Played) -> None:
    """Questions, the call, its result, answers, and the usage that the model reported."""
    shown = "\n".join(played.part("1  An agent runs"))
    assert 'look_up_order(order_id="1042")' in shown
    assert '{"paid_eur":49,"parcel":"lost"}' in shown
    assert "I promise you 49 EUR by Friday." in shown
    assert "4 calls, 694 tokens" in shown
    assert "1 model call, 100 tokens" in "\n".join(played.part("4  Every event ever"))


def test_the_demo_shows_who_popped_and_who_cleared_and_why(played: Played) -> None:
    """As code that a program would call, and as events."""
    rows = {row["kind"]: row for row in played.rows()}
    assert (rows["popped"]["actor"], rows["popped"]["run"]) == ("lin", "-")
    assert (rows["cleared"]["actor"], rows["cleared"]["run"]) == ("support-bot", "-")
    shown = "\n".join(played.part("4  Every event ever"))
    for words in ("vouchers need a human's approval", "customer asked for a clean start"):
        assert words in shown
        assert f'reason="{words}"' in played.outputs[1]


def test_the_demo_shows_the_items_now(played: Played) -> None:
    """Only what was said after the clear."""
    user, agent = played.part("3  The items now: 2 ")[1:3]
    assert user.split(None, 1) == ["user", "What did you promise me?"]
    assert agent.split(None, 1) == ["agent", "I have no record of any promise."]


async def test_the_demo_shows_every_event_that_the_log_holds(played: Played) -> None:
    """Version, time, kind, actor and run of each are those of the log."""
    async with EventLog(played.where / stage.LOG) as log:
        events = [event async for event in log.read(SESSION)]
    rows = played.rows()
    assert len(rows) == len(events) == 16
    for row, event in zip(rows, events, strict=True):
        assert (int(row["version"]), row["kind"]) == (event.version, event.kind)
        assert row["time"] == f"{event.recorded_at:%H:%M:%S}"
        assert str(event.context.actor) in row["actor"]
        assert (event.context.agent or "") in row["actor"]
        assert (event.context.run_id or "-").startswith(row["run"])
    assert len({row["run"] for row in rows}) == 5  # four runs, and none


def test_the_demo_marks_what_left_the_list_without_colour(played: Played) -> None:
    """Every item of the table is marked but those of the list; the legend says how."""
    shown = "\n".join(played.part("4  Every event ever"))
    assert shown.count(f"{GONE} ") == 8 + 1  # with the legend
    marked = [row["version"] for row in played.rows() if row["deed"].startswith(GONE)]
    assert marked == ["1", "2", "4", "6", "7", "9", "10"]
    assert f"{GONE} no longer in the list, but still in the log" in shown


async def test_the_demo_shows_the_conversation_before_the_clear(played: Played) -> None:
    """The items as of the version before the clear, exactly."""
    lines = played.part("5  Just before the clear: 7 items ")
    assert lines[0].strip().startswith("await session.get_items(as_of=12)")
    assert lines[-1].strip() == "Exactly what get_items() returned at that time."
    shown = "\n".join(lines)
    assert "I promise you 49 EUR by Friday." in shown
    assert "voucher" not in shown
    async with EventLog(played.where / stage.LOG) as log:
        assert len(await Conversation(log, SESSION).items(as_of=12)) == len(lines) - 2 == 7


async def test_the_demo_verifies_the_chain_and_names_the_forged_event(played: Played) -> None:
    """The log is sound; of its copy the event is named whose promise was changed."""
    assert "VERIFIED  all 16 events are as they were written" in played.outputs[1]
    assert "I promise you 99 EUR by Friday." in played.outputs[1]
    (named,) = re.findall(r"TAMPERED +conversation '(\S+)', version (\d+)", played.outputs[1])
    async with EventLog(played.where / stage.LOG) as log:
        assert (await log.verify()).ok
    async with EventLog(played.where / stage.FORGED) as log:
        (fault,) = (await log.verify()).faults
    assert (fault.stream, str(fault.version)) == named == (SESSION, "7")


def test_the_forgery_is_one_byte_of_one_body(played: Played) -> None:
    """As JSON; nothing else differs between the log and its copy, not even the triggers."""
    before, after = dump(played.where / stage.LOG), dump(played.where / stage.FORGED)
    ((old, new),) = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    ((was, now),) = [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]]
    written = [decompress(DEFLATE, body) for body in (was, now)]
    assert sum(a != b for a, b in zip(*written, strict=True)) == 1


def dump(file: Path) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        schema = db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
        assert "trigger" in [row[0] for row in schema]
        return schema + db.execute("SELECT * FROM events ORDER BY position").fetchall()


def test_the_demo_says_what_the_check_does_not_prove(played: Played) -> None:
    """In one line."""
    (line,) = [line for line in played.outputs[1].splitlines() if "Not caught" in line]
    assert "owner" in line
    assert "signed head elsewhere" in line


@pytest.fixture(scope="module")
def tried(played: Played) -> dict[str, str]:
    """What each command to try next prints, when it is run as it is shown."""
    outputs: dict[str, str] = {}
    for command in played.commands():
        name, *rest = shlex.split(command)
        if name != "make":
            done = run(played.where, name, *rest)
            assert (done.returncode, done.stderr) == (0, ""), command
            outputs[rest[0]] = done.stdout
    return outputs


def test_every_command_to_try_next_works(played: Played, tried: dict[str, str]) -> None:
    """Each was run as it is printed; make's are in the Makefile."""
    examples = [f"examples/{name}.py" for name in ("first_agent", "audit", "replay")]
    assert list(tried) == [*examples, "-m"]
    assert all(tried.values())
    makefile = (ROOT / "Makefile").read_text()
    targets = [command.split()[1] for command in played.commands() if command.startswith("make")]
    assert targets == ["demo-web", "demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)


def test_first_agent_shows_that_a_clear_loses_nothing(tried: dict[str, str]) -> None:
    """The list is empty, and everything is there as of the version before."""
    shown = tried["examples/first_agent.py"]
    assert shown.endswith("items now: 0\nitems as of version 8: 4\n")


def test_audit_shows_what_left_the_list_and_verifies(tried: dict[str, str]) -> None:
    """The popped item, who popped it and why; the whole run id; the verdict."""
    shown = tried["examples/audit.py"]
    assert "a voucher of 500 EUR" in shown
    assert "actor=lin " in shown
    assert "vouchers need a human's approval" in shown
    assert re.search(r"run_id=[0-9a-f]{32}", shown)
    assert shown.endswith("Verified: all 16 events are as they were written.\n")


def test_replay_shows_the_item_that_was_popped(tried: dict[str, str]) -> None:
    """As of the version before: one item a line, as JSON."""
    items = [json.loads(line) for line in tried["examples/replay.py"].splitlines()]
    assert len(items) == 8
    assert "voucher" in items[-1]["content"][0]["text"]


def test_commands_to_try_next_work_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside the checkout they name its files in full."""
    monkeypatch.chdir(tmp_path)
    commands = [shlex.split(command) for command, _ in stage.next_steps(SESSION, 7)]
    for words in commands:
        if words[0] == "make":
            assert words[1:3] == ["-C", str(ROOT)]
        else:
            assert os.access(words[0], os.X_OK)
            assert words[1] == "-m" or Path(words[1]).is_file()


def test_a_live_demo_without_a_key_is_one_line(checkout: Path) -> None:
    """It says what is missing, with exit code 2, and leaves everything as it was."""
    done = run(checkout, *DEMO, "--live")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"demo: .*OPENAI_API_KEY.*\n", done.stderr)
    assert not (checkout / stage.FOLDER).exists()


@pytest.mark.parametrize("theirs", [stage.FOLDER, stage.LOG])
def test_what_somebody_else_put_there_is_left_alone(checkout: Path, theirs: Path) -> None:
    """The demo empties only what it made itself, and says in one line what is in its way."""
    (checkout / theirs).parent.mkdir(exist_ok=True)
    (checkout / theirs).write_text("mine")
    done = run(checkout, *DEMO)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch("demo: .*demo-output is there and not from this demo.*\n", done.stderr)
    assert (checkout / theirs).read_text() == "mine"


def test_an_interrupted_demo_is_one_line(checkout: Path) -> None:
    """Ctrl-C shows no traceback."""
    with subprocess.Popen(
        [PYTHON, "-c", INTERRUPTIBLE],
        cwd=checkout,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            assert demo.stdout is not None
            demo.stdout.readline()
            demo.send_signal(signal.SIGINT)
            _, errors = demo.communicate(timeout=PATIENCE)
        finally:
            demo.kill()
    assert (demo.returncode, errors) == (130, "demo: stopped.\n")


async def test_a_log_that_is_open_elsewhere_is_copied_whole(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What still waits in SQLite's write-ahead log is copied too."""
    monkeypatch.chdir(checkout)
    stage.prepare()
    async with EventLog(stage.LOG) as log:
        await Conversation(log, "chat").add([{"role": "user", "content": "7 apples"}])
        assert stage.forge("chat", 1) == "Version 1, byte 27 of 38: '7' became '9'."
    async with EventLog(stage.FORGED) as log:
        assert (await log.verify()).faults[0].version == 1


Example = Callable[..., str | None]


@pytest.fixture
def example(played: Played, monkeypatch: pytest.MonkeyPatch) -> Example:
    """Call an example as a program, in this process; return its complaint, or None."""

    def call(name: str, *arguments: str) -> str | None:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        try:
            runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")
        except SystemExit as stopped:
            return str(stopped.code)
        return None

    monkeypatch.chdir(played.where)
    return call


def test_audit_of_a_tampered_log_fails_and_names_the_event(
    example: Example, capsys: pytest.CaptureFixture[str]
) -> None:
    """It still prints what it can read."""
    assert "version 7: edited" in (example("audit", str(stage.FORGED), SESSION) or "")
    assert "\n15  added" in capsys.readouterr().out


def test_replay_takes_a_version_and_a_time(
    example: Example, capsys: pytest.CaptureFixture[str]
) -> None:
    """The time of an event is the moment after it."""
    assert example("audit", str(stage.LOG), SESSION) is None
    popped_at = re.findall(r"^12  popped  (\S+)", capsys.readouterr().out, flags=re.MULTILINE)
    outputs: list[str] = []
    for as_of in ("12", *popped_at):
        assert example("replay", str(stage.LOG), SESSION, as_of) is None
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert outputs[0].count("\n") == 7


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("audit", "nothing.db", SESSION), "no file nothing.db"),
        (("audit", "Makefile", SESSION), "not a SQLite database"),
        (("audit", str(stage.LOG), "nobody"), "It has: order-1042"),
        (("replay", "nothing.db", SESSION, "1"), "no file nothing.db"),
        (("replay", str(stage.LOG), "nobody", "1"), "It has: order-1042"),
        (("replay", str(stage.LOG), SESSION, "17"), "it is at version 16"),
        (("replay", str(stage.LOG), SESSION, "2030-01-01"), "has no time zone"),
        (("tamper", "nothing.db", SESSION, "1"), "no file nothing.db"),
        (("tamper", "Makefile", SESSION, "1"), "not a database"),
        (("tamper", str(stage.FORGED), SESSION, "17"), "no content at version 17"),
    ],
)
def test_an_example_says_what_is_wrong(
    example: Example, arguments: tuple[str, ...], says: str
) -> None:
    """A wrong file, id, version or time is a message, and no new file."""
    assert says in (example(*arguments) or "")
    assert not os.path.exists("nothing.db")
