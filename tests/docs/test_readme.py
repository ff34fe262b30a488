"""The README says what is true, and in half a minute."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.docs import pages
from tests.waiting import PATIENCE

README: Final = pages.text("README.md")
SNIPPETS: Final = pages.blocks(README, "python")
TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d(\.\d+)?)")
STYLE: Final = re.compile(r"\x1b\[[0-9;]*m")
PRINTED: Final = """\
you:   My name is Ada.
agent: Hello, Ada!
you:   Who am I?
agent: You are Ada.
items now: 0
items as of version 8: 4
2 items went
4 items, 2 in the fork
2 conversations, 13 events: sound
['any JSON value']
"""


def run(folder: Path, *command: str, in_terminal: bool = False) -> str:
    """Run a program of this Python in a folder, offline; return what it prints.

    In a terminal that is what it prints to both streams, without styles.
    """
    paths = [str(pages.ROOT), str(pages.ROOT / "projections"), str(pages.ROOT / "adapters")]
    env = {
        "PYTHONPATH": os.pathsep.join(paths),
        "EVENTLOG_DB": "conversations.db",
        "COLUMNS": "100",
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=env | ({"FORCE_COLOR": "1"} if in_terminal else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if in_terminal else subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert not done.stderr
    return STYLE.sub("", done.stdout)


def written(folder: Path, snippets: Sequence[str]) -> str:
    """Write snippets into one file."""
    (folder / "program.py").write_text("\n".join(snippets), "utf-8")
    return "program.py"


def test_it_is_read_in_half_a_minute() -> None:
    """Fewer than 150 lines, and about thirty of code to begin with."""
    assert len(README.splitlines()) < 150
    assert len([line for line in SNIPPETS[0].splitlines() if line]) < 35


def test_the_thirty_lines_are_the_example_that_is_tested() -> None:
    """What a reader copies is what the tests run."""
    shown = re.search(r"<!-- (\S+) -->\n```python\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert pages.text(shown[1]) == shown[2]


def test_its_snippets_run_in_their_order_in_one_file(tmp_path: Path) -> None:
    """As a reader may copy them, one behind the other."""
    assert len(SNIPPETS) > 2
    assert run(tmp_path, written(tmp_path, SNIPPETS)) == PRINTED


def test_its_picture_is_what_the_command_prints(tmp_path: Path) -> None:
    """After the thirty lines, but for the time."""
    run(tmp_path, written(tmp_path, SNIPPETS[:1]))
    (picture,) = pages.blocks(README, "console")
    for shown in picture.split("$ eventlog ")[1:]:
        command, _, expected = shown.partition("\n")
        printed = run(tmp_path, "-m", "eventlog_cli", *command.split(), in_terminal=True)
        assert plain(printed) == plain(expected)


def plain(text: str) -> list[str]:
    """Return lines without times, and without the spaces at their ends."""
    return [TIME.sub("TIME", line).rstrip() for line in text.splitlines()]


def test_every_make_target_of_the_documents_exists() -> None:
    """Only commands that exist."""
    targets = set(re.findall(r"^([a-z]+):", pages.text("Makefile"), re.MULTILINE))
    for document in pages.documents():
        named = re.findall(r"(?:`|^)make ([a-z]+)", pages.text(document), re.MULTILINE)
        assert set(named) <= targets, document
