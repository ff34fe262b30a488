"""The demo as a newcomer plays it: in a checkout of its own, its output as in a pipe."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from tests.waiting import PATIENCE

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = ".venv/bin/python"
DEMO: Final = (PYTHON, "-m", "examples.demo")

ROW: Final = re.compile(
    r" *(?P<version>\d+) +(?P<time>[\d:]{8}) +(?P<kind>\w+) +(?P<actor>\S+(?: \S+)*) {2,}"
    r"(?P<run>\S+) +(?P<deed>\S.*)"
)


class Played(NamedTuple):
    """The demo, played twice in one folder."""

    where: Path
    outputs: list[str]
    tried_to_connect: bool

    def part(self, title: str) -> list[str]:
        """Return the lines that the second demo printed under a title."""
        below = self.outputs[1].partition(f"\n{title}")[2].partition("\n")[2]
        return [line.rstrip() for line in below.partition("\n\n")[0].splitlines()]

    def rows(self) -> list[dict[str, str]]:
        found = filter(None, map(ROW.fullmatch, self.part("4  Every event ever")))
        return [row.groupdict() for row in found]

    def commands(self) -> list[str]:
        lines = [line.strip() for line in self.part("What to try next")]
        return [line for line in lines if not line.startswith("#")]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return kept | {"NO_COLOR": "1", "COLUMNS": "80"} | more


def run(where: Path, *command: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a person would, with output as in a pipe."""
    return subprocess.run(
        command,
        cwd=where,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def make_checkout(folder: Path) -> Path:
    """Make a folder in which the commands of the demo mean what they mean in the project's."""
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "Makefile").symlink_to(ROOT / "Makefile")
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def play(where: Path, proxy: socket.socket) -> str:
    address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
    done = run(where, *DEMO, OPENAI_API_KEY="sk-no", HTTPS_PROXY=address, HTTP_PROXY=address)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
