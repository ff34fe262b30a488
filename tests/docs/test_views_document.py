"""docs/views.md is true: its example runs, and it names every view."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from eventlog.store.nouns.views import Views
from eventlog_projections.views import BUILT_IN
from tests.waiting import PATIENCE

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "views.md").read_text("utf-8")


def test_the_view_of_ones_own_runs_and_has_at_most_thirty_lines(tmp_path: Path) -> None:
    """What a reader copies works as it stands."""
    found = re.search(r"<!-- a test runs this -->\n```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    assert len([line for line in found[1].splitlines() if line]) <= 30
    script = f"{found[1]}\nasyncio.run(main({str(tmp_path / 'log.db')!r}))"
    command = [sys.executable, "-W", "error", "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "3 items\n", "")


def test_it_names_every_view_with_what_sql_clients_see() -> None:
    """The table is that of the code."""
    for projection in BUILT_IN:
        row = re.search(rf"^\| `{projection.name}` \|(.*?)\|", DOCUMENT, re.MULTILINE)
        assert row is not None
        readable = {kind.readable for kind in projection.tables if kind.readable}
        assert set(re.findall(r"`(\w+)`", row[1])) == readable


def test_it_says_how_long_a_batch_is() -> None:
    """The number is the code's."""
    assert f"{Views.batch:,} events" in DOCUMENT
