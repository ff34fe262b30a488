"""docs/feed.md is true: its example runs."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.waiting import PATIENCE

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "feed.md").read_text("utf-8")
PRINTED: Final = """\
1 monday 1 added
2 tuesday 1 added
live: 3 monday
3
"""


def test_the_example_runs(tmp_path: Path) -> None:
    """What a reader copies works as it stands."""
    found = re.search(r"<!-- a test runs this -->\n```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    script = f"{found[1]}\nasyncio.run(main({str(tmp_path / 'log.db')!r}))"
    command = [sys.executable, "-W", "error", "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, PRINTED, "")
