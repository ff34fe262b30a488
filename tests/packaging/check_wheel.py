"""Build the wheel and use it in an empty environment, as somebody who installs it would.

The program runs beside folders of its own that are named as ours are in the repository.

Run by `make wheel`; the repository is not importable there.
"""

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

PACKAGES: Final = {
    "eventlog",
    "eventlog_cli",
    "eventlog_importing",
    "eventlog_openai_agents",
    "eventlog_projections",
    "eventlog_session_conformance",
    "eventlog_web",
}

THEIRS: Final = ("adapters", "projections", "tests", "alembic")
"""Folders that a program may well have beside it."""

WITHOUT_EXTRAS: Final = """
import asyncio, contextlib, pathlib, sqlite3, sys
import eventlog, eventlog_projections, eventlog_importing, eventlog_cli
import adapters.ours, projections.ours, tests.ours
from eventlog import EventLog, ItemsAdded
from eventlog.operations import migrate

assert not {"asyncpg", "redis", "agents", "rich", "alembic", "greenlet"} & set(sys.modules)
assert "site-packages" in eventlog.__file__, eventlog.__file__
for package in (eventlog, eventlog_projections, eventlog_importing, eventlog_cli):
    assert (pathlib.Path(package.__file__).parent / "py.typed").exists(), package

with contextlib.closing(sqlite3.connect("sessions.db")) as db:
    db.executescript('''
        CREATE TABLE agent_sessions (session_id TEXT PRIMARY KEY, created_at, updated_at);
        CREATE TABLE agent_messages (
            id INTEGER PRIMARY KEY, message_data, created_at,
            session_id REFERENCES agent_sessions (session_id)
        );
        INSERT INTO agent_sessions VALUES ('old', '2026-01-01', '2026-01-01');
        INSERT INTO agent_messages VALUES (1, '{"role": "user"}', '2026-01-01', 'old');
    ''')

async def main() -> None:
    await migrate("wheel.db")
    async with EventLog("wheel.db") as log:
        await log.append("chat", ItemsAdded([{"role": "user"}]))
        assert (await log.verify()).ok
        assert await eventlog_projections.Conversation(log, "chat").items() == [{"role": "user"}]
        assert (await eventlog_importing.import_sessions(log, "sessions.db")).copied == 1
        for scheme, extra in (("postgresql", "postgres"), ("redis", "redis")):
            try:
                await eventlog_importing.import_sessions(log, f"{scheme}://localhost")
            except eventlog.errors.SourceError as error:
                assert f"conversation-eventlog[{extra}]" in str(error), error
            else:
                raise AssertionError(f"{scheme} is imported without its driver?")

asyncio.run(main())
try:
    EventLog("postgresql://localhost/db")
except eventlog.errors.InvalidOptionError as error:
    assert "conversation-eventlog[postgres]" in str(error), error
else:
    raise AssertionError("PostgreSQL works without its driver?")
try:
    import eventlog_openai_agents
except ImportError as error:
    assert "conversation-eventlog[agents]" in str(error), error
else:
    raise AssertionError("the SDK's session works without the SDK?")
try:
    import eventlog_session_conformance
except ImportError as error:
    assert "openai-agents" in str(error), error
else:
    raise AssertionError("the conformance suite works without the SDK?")
print("1 passed, 0 failed")
"""


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; its failure is ours."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def build(folder: Path) -> Path:
    """Build the wheel in `folder`."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """Say what must and what must not be inside."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "eventlog/_migrations/env.py" in names
    assert any(name.startswith("eventlog/_migrations/versions/0001_") for name in names)
    docs = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*.py")]
    assert {f"eventlog_cli/_docs/{page.name}" for page in docs} <= names
    assert "eventlog_web/templates/base.html" in names
    assert {"eventlog_web/static/page.js", "eventlog_web/static/viewer.css"} <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if "." not in top} == PACKAGES
    assert not any("__pycache__" in name for name in names)


def main() -> None:
    """Build, look inside, install into an empty environment, use."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        check_contents(wheel)
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        pinned = without_hashes(folder)
        run(python, "-m", "pip", "install", "-qq", "-c", pinned, wheel)
        program = make_program(folder / "program")
        run(python, program, cwd=program.parent)


def make_program(folder: Path) -> Path:
    """Write the program, beside folders that are its own."""
    for name in THEIRS:
        (folder / name).mkdir(parents=True)
        (folder / name / "ours.py").write_text("")
    program = folder / "main.py"
    program.write_text(WITHOUT_EXTRAS)
    return program


def without_hashes(folder: Path) -> Path:
    """Return the tested versions as constraints: a wheel built here can have no pinned hash."""
    lines = (ROOT / "requirements" / "dev.txt").read_text().splitlines()
    pins = [line.rstrip(" \\") for line in lines if "==" in line and not line.startswith(" ")]
    target = folder / "constraints.txt"
    target.write_text("\n".join(pins))
    return target


main()
