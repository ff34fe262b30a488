"""What needs no server needs no driver of one: SQLite alone is installed without extras."""

import subprocess
import sys

import pytest

BLOCKED = "import sys; sys.modules['asyncpg'] = sys.modules['redis'] = None\n"


@pytest.mark.parametrize(
    "program",
    [
        "import eventlog, eventlog.events, eventlog.keys, eventlog.operations",
        "from eventlog.operations import *",
        "from eventlog_projections import *",
        "from eventlog_projections.views import *",
    ],
)
def test_what_needs_no_server_is_imported_without_its_driver(program: str) -> None:
    """As in an environment into which only the log was installed."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
