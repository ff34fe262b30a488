"""Where the demo plays: its folder, its files, and what may keep it from playing."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout: the demo plays with its other examples."""

FOLDER: Final = Path("demo-output")
LOG: Final = FOLDER / "conversations.db"
FORGED: Final = FOLDER / "tampered.db"

_MARK: Final = FOLDER / ".made-by-the-demo"
_PARTS: Final = ("", "-wal", "-shm")
"""What SQLite may keep beside a file, while somebody has it open or after a crash."""


class StageError(Exception):
    """Something outside the demo keeps it from going on; the message says what to do."""


def prepare() -> None:
    """Make the folder, and empty it of what an earlier demo left there and nobody else.

    A process that still has an old file open keeps it; the new file is another one.
    """
    if not _tamper().is_file():
        raise StageError(f"{_tamper()} is missing. Run the demo in a checkout of the project.")
    if not _is_ours():
        raise StageError(f"./{FOLDER} is there and not from this demo. Move it out of the way.")
    FOLDER.mkdir(exist_ok=True)
    _MARK.touch()
    for path in (LOG, FORGED):
        for part in _PARTS:
            Path(f"{path}{part}").unlink(missing_ok=True)


def forge(session_id: str, version: int) -> str:
    """Copy the log and change one byte of the copy, as its owner could; return what was changed."""
    for part in _PARTS[:2]:
        if os.path.exists(f"{LOG}{part}"):
            shutil.copyfile(f"{LOG}{part}", f"{FORGED}{part}")
    command = [sys.executable, str(_tamper()), str(FORGED), session_id, str(version)]
    # A process of its own, as somebody who is not the demo would do it.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise StageError(f"examples/tamper.py failed: {done.stderr.strip()}")
    return done.stdout.strip()


def next_steps(session_id: str, version: int) -> list[tuple[str, str]]:
    """Return commands worth trying from the current folder, each with what it shows."""
    python = _from_here(sys.executable)
    make = ["make"] if _is_here("Makefile") else ["make", "-C", str(ROOT)]
    steps = [
        ([python, _shown("examples/first_agent.py")], "the session in 30 lines"),
        ([python, _shown("examples/audit.py"), str(LOG), session_id], "the whole story, as JSON"),
        (
            [python, _shown("examples/replay.py"), str(LOG), session_id, str(version)],
            "the items before the pop",
        ),
        ([python, "-m", "eventlog_cli", "--db", str(LOG), "verify"], "the command: eventlog"),
        ([*make, "demo-web"], "all of it in a browser"),
        ([*make, "demo", "LIVE=1"], "this demo with a real model"),
        ([*make, "test"], "what is promised, tested"),
    ]
    return [(shlex.join(command), purpose) for command, purpose in steps]


def _is_ours() -> bool:
    if not FOLDER.exists() or _MARK.is_file():
        return True
    return FOLDER.is_dir() and not any(FOLDER.iterdir())


def _tamper() -> Path:
    return ROOT / "examples" / "tamper.py"


def _shown(name: str) -> str:
    return name if _is_here(name) else str(ROOT / name)


def _is_here(name: str) -> bool:
    return os.path.exists(name) and os.path.samefile(name, ROOT / name)


def _from_here(path: str) -> str:
    below = os.path.join(os.getcwd(), "")
    return path.removeprefix(below)
