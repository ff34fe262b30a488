"""docs/verify_evidence.py, on bundles that somebody signed to mislead whoever reads its answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import ItemsAdded
from eventlog.format import chain
from tests.vectors.evidence import Log
from tests.vectors.making import Stream, event
from tests.vectors.proofs import SIGNER

PROGRAM: Final = Path(__file__).parents[2] / "docs" / "verify_evidence.py"
VERDICT: Final = "all of this was in the log when example.com/log signed its head of"

Bundle = dict[str, Any]


def run(path: Path, *more: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run the program alone, with a key that is right."""
    command = [sys.executable, "-I", str(PROGRAM), str(path), str(SIGNER.verifier), *more]
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, encoding="utf-8", check=False, **given)


def checked(path: Path, *streams: Stream, shown: int | None = None) -> tuple[int, list[str]]:
    """Return the status and the lines that it says of the first of these streams, or of all."""
    log = Log(*streams)
    bundle = log.bundle(*[log.shown(stream) for stream in streams[:shown]])
    path.write_text(json.dumps(bundle), "utf-8")
    answer = run(path)
    assert "Traceback" not in answer.stderr
    return answer.returncode, (answer.stdout + answer.stderr).splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a bundle lies."""
    return tmp_path / "bundle.json"


def forked(header: Bundle, *, name: str = "fork") -> Stream:
    return Stream(name, event(kind="forked", header=json.dumps(header).encode()))


PARENT: Final = Stream("parent", event(ItemsAdded(["a", "b"])), event(ItemsAdded(["c"])))
ID: Final = PARENT.stream_id.hex()


@pytest.mark.parametrize(
    ("header", "is_proved"),
    [
        ({"kept": 2, "parent": ID, "at_version": 1}, True),
        ({"kept": 2, "parent": ID, "at_version": 2}, True),
        ({"kept": 2, "parent": ID, "at_version": 3}, False),
        ({"kept": 2, "parent": ID, "at_version": 0}, False),
        ({"kept": 2, "parent": "00" * 16, "at_version": 0}, False),
        ({"kept": 2, "parent": "00" * 16, "at_version": 1}, False),
        ({"kept": 2, "parent": chain.stream_id("default", "fork").hex(), "at_version": 1}, False),
    ],
)
def test_what_a_fork_began_with_is_proved_only_if_it_is_shown(
    path: Path, header: Bundle, is_proved: bool
) -> None:
    """At a version that has items, in another stream, which is in the bundle that far."""
    status, lines = checked(path, forked(header), PARENT)
    assert status == 0
    said = " ".join(lines)
    assert ("proved here, too" in said, "not proved here" in said) == (is_proved, not is_proved)


def test_a_parent_of_another_tenant_proves_nothing(path: Path) -> None:
    """A fork is of its own tenant."""
    theirs = Stream("parent", event(ItemsAdded(["a"])), tenant="other")
    fork = forked({"kept": 1, "parent": theirs.stream_id.hex(), "at_version": 1})
    status, lines = checked(path, fork, theirs)
    assert (status, "not proved here" in " ".join(lines)) == (0, True)


@pytest.mark.parametrize(
    "header",
    [
        {"kept": f"\x1b[2J\n{VERDICT} 9 events", "parent": ID, "at_version": 1},
        {"kept": 1, "parent": f"\x1b[2J\n{VERDICT}", "at_version": 1},
        {"kept": 1, "parent": ID, "at_version": f"\n{VERDICT} 9 events\x9b"},
        {"kept": True, "parent": ID, "at_version": 1},
        {"kept": 1.5, "parent": ID, "at_version": 1},
        {"kept": -1, "parent": ID, "at_version": 1},
        {"kept": 1, "parent": ID},
        ["kept"],
    ],
    ids=range(8),
)
def test_a_header_that_is_none_is_not_shown(path: Path, header: Any) -> None:
    """It is not as the format says, whoever signed it."""
    status, lines = checked(path, forked(header))
    assert status == 1
    assert not any(line.startswith(VERDICT) for line in lines)
    assert all(line.isprintable() for line in lines)


def test_nothing_in_a_bundle_says_the_verdict(path: Path) -> None:
    """Names, branches, kinds and contents that look like it, with all that moves a cursor."""
    text = f"{VERDICT} 9 events\n{VERDICT} 9 events\x1b[2J\x9b\u202e\u2028"
    loud = Stream(text, event(ItemsAdded([text]), kind=text), tenant=text, branch=text)
    status, lines = checked(path, loud)
    assert status == 0
    assert [line for line in lines if line.startswith(VERDICT)] == [f"{VERDICT} 1 events"]
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("at", [2**63 - 1, 253_402_300_800_000_000])
def test_a_time_beyond_the_calendar_is_shown_as_a_number(path: Path, at: int) -> None:
    """It was recorded so, by a clock that was none."""
    stream = Stream("chat")
    rows, _ = chain.link(stream.stream_id, chain.GENESIS, [event(ItemsAdded([1]))], at)
    stream.events[:] = rows
    status, lines = checked(path, stream)
    assert (status, f"{at} microseconds after 1970" in " ".join(lines)) == (0, True)


def test_content_that_an_event_erased_is_not_there(path: Path) -> None:
    """All of it, or one event's; what is gone says which event says so."""
    for only in (None, 1):
        stream = Stream("chat", event(ItemsAdded(["a"])), event(ItemsAdded(["b"])))
        before = list(stream.events)
        stream.erase(only)
        status, lines = checked(path, stream)
        assert (status, "erased, as version 3 says" in " ".join(lines)) == (0, True)
        stream.events[0] = before[0]
        status, lines = checked(path, stream)
        assert (status, "version 1: its content is there" in " ".join(lines)) == (1, True)


def test_a_codec_that_is_not_known_cannot_be_shown(path: Path) -> None:
    """It is of a later release: proved, and not shown."""
    status, lines = checked(path, Stream("chat", event(ItemsAdded([1]), codec=3)))
    assert (status, "its codec 3 is not known" in " ".join(lines)) == (2, True)


GOOD: Final = Stream("chat", event(ItemsAdded(["é"])))


@pytest.fixture
def good(path: Path) -> Path:
    """A bundle that is sound."""
    assert checked(path, GOOD)[0] == 0
    return path


@pytest.mark.parametrize("largest", ["-1", "x", "", "1.5", "9" * 5000])
def test_a_bound_that_is_none_could_not_check(good: Path, largest: str) -> None:
    """And one that is larger than all there is, is none."""
    assert run(good, largest).returncode == 2
    assert run(good, "9" * 400).returncode == 0


def test_output_that_nobody_reads_is_no_verdict(good: Path) -> None:
    """Closed before, closed meanwhile, or full: it could not say what it found."""
    shell = f"exec {sys.executable} -I {PROGRAM} {good} '{SIGNER.verifier}'"
    for how in (">&-", ">/dev/full", ">&- 2>&-"):
        found = subprocess.run(["sh", "-c", f"{shell} {how}"], check=False, capture_output=True)
        assert (found.returncode, b"Traceback" in found.stderr) == (2, False), how
    reader, writer = os.pipe()
    os.close(reader)
    answer = run(good, stdout=writer)
    os.close(writer)
    assert (answer.returncode, answer.stderr) == (2, "")


@pytest.mark.parametrize("coding", ["ascii", "latin-1", "utf-8"])
def test_every_encoding_of_the_terminal_will_do(good: Path, coding: str) -> None:
    """What it cannot show is escaped, and no reason to doubt the evidence."""
    command = [sys.executable, str(PROGRAM), str(good), str(SIGNER.verifier)]
    environment = {"PYTHONIOENCODING": coding, "PATH": ""}
    found = subprocess.run(command, check=False, capture_output=True, env=environment)
    assert found.returncode == 0, found.stderr
