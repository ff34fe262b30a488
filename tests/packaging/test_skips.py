"""CI skips nothing; elsewhere a run says in its last line what it could not test."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.waiting import PATIENCE

ROOT: Final = Path(__file__).parents[2]

CONFTEST: Final = """
from tests.skipping import register

def pytest_configure(config):
    register(config)
"""

SKIPS: Final[dict[str, str]] = {
    "called": "def test_it():\n    pytest.skip('there is no such server')",
    "marked": "@pytest.mark.skip(reason='there is no such server')\ndef test_it(): ...",
    "condition": "@pytest.mark.skipif(True, reason='there is no such server')\ndef test_it(): ...",
    "raised": (
        "import unittest\n\ndef test_it():\n    raise unittest.SkipTest('there is no such server')"
    ),
    "fixture": (
        "@pytest.fixture\ndef server():\n    pytest.skip('there is no such server')\n\n"
        "def test_it(server): ..."
    ),
    "module": "pytest.skip('there is no such server', allow_module_level=True)",
    "import": (
        "pytest.importorskip('no_such_module', reason='there is no such server')\n\n"
        "def test_it(): ..."
    ),
}
"""Every way to skip a test."""


def run(folder: Path, test: str, *options: str, ci: str | None) -> tuple[int, str]:
    """Run a test in a process of its own; return its exit code and what it printed."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_one.py").write_text(f"import pytest\n\n{test}\n")
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:valkey", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=env | {"PYTHONPATH": str(ROOT)} | ({} if ci is None else {"CI": ci}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("way", SKIPS)
def test_a_skip_fails_where_ci_runs(way: str, tmp_path: Path) -> None:
    """With its reason, however a test is skipped."""
    status, output = run(tmp_path, SKIPS[way], ci="true")
    assert status != 0
    assert "CI skips nothing: there is no such server" in output
    assert "Not tested here" not in output


@pytest.mark.parametrize("way", SKIPS)
def test_elsewhere_the_last_line_says_what_was_skipped(way: str, tmp_path: Path) -> None:
    """So that nobody takes it for tested."""
    status, output = run(tmp_path, SKIPS[way], ci=None)
    assert status == (5 if way in ("module", "import") else 0)
    assert output.splitlines()[-1] == "Not tested here: there is no such server (1 skipped)"


@pytest.mark.parametrize("ci", [None, "true", "false"])
def test_a_run_without_skips_says_nothing_more(ci: str | None, tmp_path: Path) -> None:
    """What fails as it is expected to is no skip."""
    expected = "@pytest.mark.xfail\ndef test_it():\n    assert False"
    status, output = run(tmp_path, f"def test_other(): ...\n\n{expected}", ci=ci)
    assert status == 0
    assert output.splitlines()[-1].strip(" =").startswith("1 passed, 1 xfailed")


@pytest.mark.parametrize(("ci", "said"), [("1", "CI skips nothing"), (None, "Not tested here")])
def test_workers_skip_nothing_unnoticed(ci: str | None, said: str, tmp_path: Path) -> None:
    """A report is made where a test runs, and said where all come together."""
    status, output = run(tmp_path, SKIPS["fixture"], "-n", "1", ci=ci)
    assert status == (ci is not None)
    assert f"{said}: there is no such server" in output
