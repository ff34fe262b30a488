"""docs/context.md is true: its example is the one that runs, and prints what the page shows."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.waiting import PATIENCE

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = (ROOT / "docs" / "context.md").read_text("utf-8")


def test_the_example_prints_what_the_page_shows() -> None:
    """As a program of its own, offline."""
    shown = re.search(
        r"<!-- (\S+) -->\n```python\n(.*?)```\n\n((?: {4}[^\n]*\n)+)", DOCUMENT, re.DOTALL
    )
    assert shown is not None
    name, code, output = shown.groups()
    assert (ROOT / name).read_text("utf-8") == code
    command = [sys.executable, str(ROOT / name)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.splitlines() == [line.strip() for line in output.splitlines()]
