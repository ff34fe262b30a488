"""Closed, full and broken standard streams: a line and an exit code, and the log is left alone."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.adapters.cli.conftest import program
from tests.waiting import PATIENCE


def shell(redirection: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a shell does that closes or redirects something."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *program(*arguments)],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("arguments", [("verify",), ("--help",)])
@pytest.mark.parametrize(
    ("redirection", "code", "says"),
    [
        (">&-", 2, "standard output is closed"),
        (">&- 2>&-", 2, ""),
        (">&- 2>&- <&-", 2, ""),
        ("2>&-", 0, ""),
        ("<&-", 0, ""),
        ("2>&- <&-", 0, ""),
        (">/dev/full", 2, "No space left"),
        (">/dev/full 2>&-", 2, ""),
        (">/dev/full 2>/dev/full", 2, ""),
        ("2>/dev/full", 0, ""),
    ],
)
def test_a_stream_that_takes_nothing_is_no_finding(
    db: str, arguments: tuple[str, ...], redirection: str, code: int, says: str
) -> None:
    """Exit code 2 where nobody could be told, 0 where only hints got lost; never 1, or a crash."""
    before = Path(db).read_bytes()
    done = shell(redirection, *arguments)
    assert done.returncode == code, done
    assert ("Traceback" in done.stderr, says in done.stderr) == (False, True), done
    assert Path(db).read_bytes() == before


def test_what_is_closed_is_not_asked(db: str) -> None:
    """A question to nobody destroys nothing."""
    done = shell("<&-", "erase", "latest", "--reason", "r")
    assert (done.returncode, "Nobody is there to ask" in done.stderr) == (2, True), done
    done = shell("<&- 2>&-", "erase", "latest", "--reason", "r")
    assert done.returncode == 2
    assert shell("", "verify").returncode == 0
    assert "order-10" in shell("", "sessions").stdout, db


def test_a_fault_that_cannot_be_told_is_still_one(db: str) -> None:
    """Exit code 1 of a log that was changed, whatever became of the words."""
    raw = Path(db).read_bytes()
    assert b"1041" in raw
    Path(db).write_bytes(raw.replace(b'"reason":"', b'"reasom":"'))
    assert shell("", "verify").returncode == 1
    assert shell(">/dev/full", "verify").returncode == 1
