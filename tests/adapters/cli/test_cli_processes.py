"""The command as a program: pipes, signals, terminals, and being killed."""

import asyncio
import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog_projections.conversation import Conversation
from eventlog_projections.views import Views
from tests.adapters.cli.conftest import Eventlog, program
from tests.adapters.cli.shop import user
from tests.backends import Backend
from tests.waiting import PATIENCE, until

DEFAULT_SIGINT = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "import sys; from eventlog_cli.main import main; sys.exit(main())"
)
"""The command, where whoever started the tests may ignore Ctrl-C."""


SIGNING = ("keys", "signing", "example.com/log", "--to")


def run(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        program(*arguments),
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_the_version_is_told_before_anything_is_loaded() -> None:
    """Neither click nor rich nor the log."""
    code = "import sys; sys.argv = ['eventlog', '--version']; from eventlog_cli.main import main;"
    code += "main(); print(sorted({'click', 'rich', 'sqlalchemy', 'asyncio'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"eventlog \d+\.\d+\.\d+\S*\n\[\]\n", done.stdout)
    assert run("--db", "x", "--version").stdout == done.stdout.splitlines(keepends=True)[0]


async def test_a_reader_that_goes_away_ends_it_quietly(db: str) -> None:
    """As with `| head`, whose output is right."""
    async with EventLog(db, create=False) as log:
        await log.append("long", [ItemsAdded([user("x" * 90)]) for _ in range(2000)])
    for command in (["log", "long"], ["--json", "log", "long"]):
        process = subprocess.Popen(
            program(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(PATIENCE)) == ("", 141)
        process.stderr.close()


async def test_following_shows_what_comes_until_ctrl_c(filled: Backend) -> None:
    """Each event at once, into a pipe too, for people or programs; then no traceback."""
    kind = ["--json"] if filled.name == "sqlite" else []
    command = [sys.executable, "-c", DEFAULT_SIGINT, *kind, "tail", "-f", "-n", "1"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        assert b"order-1042" in await process.stdout.readline()
        async with filled.open() as log:
            await Conversation(log, "new").add([user("hello")])
        while b"new" not in await process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (130, b"")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(
    db: str, eventlog: Eventlog, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path is not broken, though: it is there to be copied."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    for command in ("sessions", "show latest", "log latest", "turns latest", "tail", "stats"):
        result = eventlog(*command.split())
        assert result.exit_code == 0
        shown = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout).replace(db, "")
        assert all(len(line) <= width for line in shown.splitlines()), (command, shown)


def test_colour_is_for_terminals_that_want_it(db: str, eventlog: Eventlog) -> None:
    """What is struck through there is marked everywhere."""
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    coloured, plain, piped = (
        eventlog("log", "latest", env=env).output
        for env in (terminal, terminal | {"NO_COLOR": "1"}, {})
    )
    assert re.search(r"\x1b\[(\d+;)*9m", coloured)
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", coloured)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain)
    assert "\x1b" not in piped
    assert all(
        "\N{MULTIPLICATION SIGN} agent: 49" in re.sub(r"\x1b\[[0-9;]*m", "", each)
        for each in (coloured, plain, piped)
    )


async def test_catching_up_goes_on_after_kill_9(db: str, tmp_path: Path) -> None:
    """What the views took stays, and the next command ends with all of it."""
    async with EventLog(db, create=False) as log:
        for _ in range(10):
            await log.append("long", [ItemsAdded([user("x")]) for _ in range(500)])
    process = await asyncio.create_subprocess_exec(
        *program("sessions"), stdout=asyncio.subprocess.DEVNULL
    )
    async with EventLog(db, create=False) as log:

        async def has_begun() -> bool:
            return any(view.position for view in await Views(log).status())

        await until(has_begun, "a view has taken a batch")
        process.kill()
        await process.wait()
        kept = max(view.position for view in await Views(log).status())
    assert kept > 0
    done = run("--json", "sessions", "--limit", "1")
    assert '"events":5000' in done.stdout


async def test_a_shell_completes_commands_and_ids(filled: Backend, eventlog: Eventlog) -> None:
    """`latest` too; and nothing, without a complaint, where there is no log."""

    def completed(line: str) -> list[str]:
        asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        told = eventlog(env={"_EVENTLOG_COMPLETE": "bash_complete", **asked}).output.split()
        return [each.partition(",")[2] for each in told]

    assert completed("eventlog se") == ["sessions", "search"]
    assert completed("eventlog show ord") == ["order-1041", "order-1042"]
    assert completed("eventlog keys ro") == ["rotate"]
    assert completed("eventlog hold place order-1042") == ["order-1042"]
    assert completed("eventlog log la") == ["latest"]
    assert completed("eventlog --db nothing.db show ord") == []


@pytest.mark.parametrize(("module", "extra"), [("click", "cli"), ("cryptography", "crypto")])
def test_without_its_extra_it_says_what_to_install(module: str, extra: str, tmp_path: Path) -> None:
    """The command is there with any install."""
    code = f"import sys; sys.modules[{module!r}] = None; from eventlog_cli.main import main;"
    done = subprocess.run(
        [sys.executable, "-c", f"{code} sys.exit(main())", *SIGNING, str(tmp_path / "key")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"eventlog: {module} is not installed: pip install 'conversation-eventlog[{extra}]'.\n"
    )


async def test_ctrl_c_at_a_question_destroys_nothing(db: str) -> None:
    """At once, and without a traceback."""
    ours, theirs = pty.openpty()
    erasing = ("erase", "order-1041", "--reason", "gdpr")
    command = [sys.executable, "-c", DEFAULT_SIGINT, *erasing]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        found = b""
        while b"[y/N]" not in found:
            found += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        with contextlib.suppress(OSError):  # That is how Linux says that the other side was closed.
            while piece := os.read(ours, 65536):
                found += piece
        os.close(ours)
    assert b"Traceback" not in found
    async with EventLog(db, create=False) as log:
        assert len(await Conversation(log, "order-1041").items()) == 2


def test_a_password_is_never_shown(postgres_url: str, eventlog: Eventlog) -> None:
    """Neither in an answer nor in an error."""
    url = "postgresql://ada:hunter2@127.0.0.1:1/x"
    for command in ("stats", "sessions", "migrate", "backup copy.db"):
        assert "hunter2" not in eventlog(*command.split(), "--db", url).output


async def test_ctrl_c_in_long_work_leaves_what_was_done(db: str) -> None:
    """A terminal sees how long it takes; then no traceback, and the next command goes on."""
    async with EventLog(db, create=False) as log:
        for number in range(20):
            await log.append(f"chat-{number}", [ItemsAdded([user("x")]) for _ in range(500)])
    ours, theirs = pty.openpty()
    at_once = (
        "import functools; from eventlog_cli import bars, progress;"
        " bars.Progress = functools.partial(bars.Progress, refresh_per_second=1000);"
        " progress.SOON = progress.LOOK = 0.001;"
    )
    command = [sys.executable, "-c", f"{at_once} {DEFAULT_SIGINT}", "sessions"]
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        found = b""
        while not re.search(rb" [1-9]\d*/20016", found):
            found += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # That is how Linux says that the other side was closed.
            while piece := os.read(ours, 65536):
                found += piece
        os.close(ours)
        assert process.wait(PATIENCE) == 130
    assert b"Reading new events" in found
    assert b"Traceback" not in found
    async with EventLog(db, create=False) as log:
        assert 0 < max(view.position for view in await Views(log).status()) < 10_008
    again = run("--json", "sessions", "--limit", "100")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.count('"events":500') == 20
