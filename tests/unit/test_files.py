"""What is written is whole, on disk, its owner's alone, and where it was meant to be."""

import contextlib
import errno
import multiprocessing
import os
import stat
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import files
from eventlog.files import file_name, new_file, reserve, write_new, write_whole

CONTENT = b"what is secret"


@contextlib.contextmanager
def umask(mode: int) -> Generator[None]:
    before = os.umask(mode)
    try:
        yield
    finally:
        os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def filled(path: str) -> None:
    with new_file(path) as new:
        Path(new).write_bytes(CONTENT)


WRITERS = [
    lambda path: write_whole(path, CONTENT),
    lambda path: write_new(path, CONTENT),
    filled,
]


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_is_its_owners_alone_from_the_start(
    tmp_path: Path, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the umask lets through; also while it has another name."""
    seen: list[int] = []
    flush = os.fsync

    def look(descriptor: int) -> None:
        found = os.fstat(descriptor).st_mode
        if stat.S_ISREG(found):
            seen.append(stat.S_IMODE(found))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    with umask(0):
        write(str(tmp_path / "key"))
    assert (seen, mode_of(tmp_path / "key")) == ([0o600], 0o600)
    assert (tmp_path / "key").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize("write", WRITERS)
def test_what_others_left_beside_it_leads_nowhere(tmp_path: Path, write: Any) -> None:
    """A link at FILE.new, a file there that anybody may write."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "key.new").symlink_to(victim)
    (tmp_path / "key.unfinished").write_bytes(b"somebody's")
    write(str(tmp_path / "key"))
    assert victim.read_bytes() == b"mine"
    assert (tmp_path / "key.new").is_symlink()
    assert (tmp_path / "key.unfinished").read_bytes() == b"somebody's"
    assert not (tmp_path / "key").is_symlink()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_at_the_target_is_refused(tmp_path: Path, write: Any, dangling: bool) -> None:
    """What it leads to is as it was, and nothing is left over."""
    victim = tmp_path / "victim"
    if not dangling:
        victim.write_bytes(b"mine")
    (tmp_path / "key").symlink_to(victim)
    with pytest.raises(OSError, match="key"):
        write(str(tmp_path / "key"))
    assert dangling is not victim.exists()
    assert dangling or victim.read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == (["key"] if dangling else ["key", "victim"])


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """A folder, a pipe."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match=name):
            write_whole(str(tmp_path / name), CONTENT)
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


@pytest.mark.parametrize("step", ["fsync", "replace", "link"])
def test_a_failure_leaves_what_was_there(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of what came, at each step."""
    path = tmp_path / "key"
    path.write_bytes(b"old")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, step, full)
    with contextlib.suppress(OSError):
        write_whole(str(path), CONTENT)
    with pytest.raises(OSError, match=r"full|exists"):
        write_new(str(path), CONTENT)
    assert path.read_bytes() == (CONTENT if step == "link" else b"old")
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize("write", WRITERS[1:])
def test_what_is_new_never_replaces(tmp_path: Path, write: Any) -> None:
    """What somebody makes meanwhile stays."""
    path = tmp_path / "key"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write(str(path))
    path.unlink()

    def meanwhile() -> None:
        with new_file(str(path)) as new:
            Path(new).write_bytes(CONTENT)
            path.write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        meanwhile()
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"mine", ["key"])


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EACCES, errno.ENOSYS])
def test_a_new_file_needs_no_hard_links(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither does one that must not be replaced."""

    def refused(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "key"
    for write in WRITERS[1:]:
        write(str(path))
        assert (path.read_bytes(), mode_of(path)) == (CONTENT, 0o600)
        with pytest.raises(FileExistsError):
            write(str(path))
        path.unlink()
    assert os.listdir(tmp_path) == []


def test_a_name_is_reserved_with_its_mode_and_not_replaced(tmp_path: Path) -> None:
    """For what somebody else opens."""
    path = tmp_path / "log.db"
    with umask(0):
        reserve(str(path))
    assert mode_of(path) == 0o600
    path.write_bytes(b"mine")
    path.chmod(0o640)
    reserve(str(path))
    assert (path.read_bytes(), mode_of(path)) == (b"mine", 0o640)


def write_many(path: str, number: int) -> None:
    for turn in range(40):
        write_whole(path, bytes([number]) * (1000 * (turn + 1)))


def test_writers_at_once_never_tear(tmp_path: Path) -> None:
    """Threads and processes; a reader sees the content of one, whole, and none of them fails."""
    path = tmp_path / "head"
    write_whole(str(path), b"\0" * 1000)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=write_many, args=(str(path), number)) for number in (101, 102)
    ]
    for process in processes:
        process.start()
    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write_many, str(path), number) for number in range(4)]
        while not all(each.done() for each in writing) or any(p.is_alive() for p in processes):
            found = path.read_bytes()
            assert len(set(found)) == 1
            assert len(found) % 1000 == 0
        for each in writing:
            each.result()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert os.listdir(tmp_path) == ["head"]


@given(st.text(min_size=1), st.text(min_size=1), st.sampled_from([".receipt", ".v12.jsonl"]))
def test_names_of_files_are_bounded_and_tell_names_apart(one: str, other: str, ending: str) -> None:
    """For every name: no folder, no hidden file, nothing that a shell or a screen takes amiss."""
    for stretched in (one, one * 300):
        name = file_name(stretched, ending)
        assert len(name.encode()) <= files.LONGEST
        assert name.isascii()
        assert name.isprintable()
        assert "/" not in name
        assert not name.startswith((".", "-", " "))
        assert name.endswith(ending)
    assert (file_name(one, ending) == file_name(other, ending)) is (one == other)
    long, longer = one + "x" * 300, one + "x" * 301
    assert file_name(long, ending) != file_name(longer, ending)
