"""Files that are written: whole or not at all, durable, and nobody else's to read.

Rule: no other module opens a file to write it, or gives one another name. What is written is in a
file beside the target, whose name nobody can guess and which nobody had before (O_EXCL): no link
that somebody left leads the content elsewhere, and no two writers share one. It has its final mode
from the start, and gets its name when it is on disk.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Generator
from typing import BinaryIO, Final, NamedTuple, NoReturn
from urllib.parse import quote

OWNER: Final = 0o600
"""The mode of what is its owner's alone; the default of all that is written."""

PUBLIC: Final = 0o644
"""The mode of what is made to be given away, such as a tree head."""

LONGEST: Final = 255
"""Bytes of a file's name, on nearly every file system."""

_DIGITS: Final = 32
_NEW: Final = os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINKS: Final = {
    errno.EPERM,
    errno.EACCES,
    errno.EMLINK,
    errno.ENOSYS,
    errno.EINVAL,
    errno.EXDEV,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
}
"""What file systems answer that have no hard links, or refuse them."""


def write_whole(path: str, content: bytes, *, mode: int = OWNER) -> None:
    """Replace or create a file durably: a reader sees the old content or all of the new.

    `mode` is before the umask. Blocks. Raises OSError, also for a symbolic link and for anything
    else that is no ordinary file; what was there is as it was then.
    """
    _refuse_odd(path)
    with _unfinished(path, mode) as (new, file):
        _finish(file, content)
        os.replace(new, path)


def write_new(path: str, content: bytes, *, mode: int = OWNER) -> None:
    """Create a file durably, with all of its content. Blocks.

    Raises FileExistsError if anything, a link for instance, has its name; OSError.
    """
    with _unfinished(path, mode) as (new, file):
        _finish(file, content)
        _name(new, path)


@contextlib.contextmanager
def new_file(path: str, *, mode: int = OWNER) -> Generator[str]:
    """Give the path of an empty file, which gets its name after the block if that was left well.

    For what only somebody else can write, such as SQLite. Blocks. Raises as `write_new` does.
    """
    if os.path.lexists(path):
        raise _exists(path)
    with _unfinished(path, mode) as (new, file):
        yield new
        _finish(file, b"")  # The flush is of the file, whoever wrote it.
        _name(new, path)


def reserve(path: str, *, mode: int = OWNER) -> None:
    """Create an empty file unless there is one: whoever opens it later finds its mode.

    Raises OSError.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | _NEW, mode))


def make_folder(path: str) -> None:
    """Create a folder, and those above it, unless it is there; nobody else may look into it."""
    if not os.path.isdir(path):
        os.makedirs(path, mode=0o700, exist_ok=True)


def remove(path: str) -> None:
    """Remove a file if it is there. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def file_name(name: str, ending: str) -> str:
    """Return the name of a file for a conversation or the like, of 255 bytes at most.

    Letters, digits and spaces are kept, all else is quoted as in a URL; of a name that is too long
    a part is kept, and its SHA-256 tells it from others.
    """
    quoted = quote(name, safe=" ").replace("~", "%7E")
    if quoted.startswith((".", " ", "-")):
        quoted = f"%{ord(quoted[0]):02X}{quoted[1:]}"
    room = LONGEST - len(ending.encode())
    if len(quoted) <= room:
        return quoted + ending
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    return f"{quoted[: room - _DIGITS - 1]}~{digest}{ending}"


@contextlib.contextmanager
def _unfinished(path: str, mode: int) -> Generator[tuple[str, BinaryIO]]:
    """Make a file beside `path`; flush the folder after the block, or remove the file."""
    folder = os.path.dirname(path) or os.curdir
    new = os.path.join(folder, f".{secrets.token_hex(16)}.unfinished")
    with open(os.open(new, os.O_WRONLY | _NEW, mode), "wb") as file:
        try:
            yield new, file
        except BaseException:
            remove(new)
            raise
    _flush_folder(folder)


def _finish(file: BinaryIO, content: bytes) -> None:
    """Have the content on disk, and the file closed."""
    file.write(content)
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _name(new: str, path: str) -> None:
    """Give the file its name if nobody has that: unlike a rename, a link never replaces."""
    try:
        os.link(new, path, follow_symlinks=False)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here: hold the name with an empty file of ours, and replace that.
        os.close(os.open(path, os.O_WRONLY | _NEW, OWNER))
        try:
            os.replace(new, path)
        except OSError:
            remove(path)
            raise
    else:
        os.unlink(new)


def _refuse_odd(path: str) -> None:
    try:
        found = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(found):
        _refuse(errno.ELOOP, "It is a symbolic link, and what that leads to is not replaced", path)
    if stat.S_ISDIR(found):
        _refuse(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found):
        _refuse(errno.EINVAL, "It is no ordinary file", path)


def _refuse(number: int, why: str, path: str) -> NoReturn:
    raise OSError(number, why, path)


def _exists(path: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def _flush_folder(folder: str) -> None:
    """Have the names in a folder on disk, where a folder can be opened."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(descriptor)


def keep(path: str, name: str) -> None:
    """Give a file another name beside its own. Raises OSError, FileExistsError for a taken one."""
    os.link(path, name)


def put(new: str, path: str) -> None:
    """Give a complete file, which is on disk, the name of another, durably. Raises OSError."""
    os.replace(new, path)
    _flush_folder(os.path.dirname(path))


def sqlite_uri(path: str, mode: str, *options: str) -> str:
    """Return the URI of a file for SQLite (https://sqlite.org/uri.html), whatever its name holds.

    `mode` is "ro", "rw" or "rwc"; `options` are others, such as "immutable=1".
    """
    name = os.fsencode(os.path.join(os.getcwd(), path))
    if os.name == "nt":
        name = b"/" + name.replace(b"\\", b"/")
    return f"file://{quote(name)}?{'&'.join([f'mode={mode}', *options])}"


IMMUTABLE: Final = "immutable=1"
"""SQLite takes no lock, and keeps nothing beside the file: nobody writes it."""

UNLOCKED: Final = "vfs=unix-none"
"""SQLite takes no lock: nobody writes the file, or its write-ahead log, which is read."""


class Frozen(NamedTuple):
    """What a file was like that this process can write nothing of, nor anything beside it."""

    seen: tuple[int, ...]
    """What tells whether it, or its write-ahead log, has changed since."""
    has_wal: bool

    @property
    def option(self) -> str:
        """How SQLite is to read it."""
        return UNLOCKED if self.has_wal else IMMUTABLE


def frozen(path: str) -> Frozen | None:
    """Return what a file of SQLite is like, if this process can write nothing there.

    None where it can, and where somebody uses the file.

    Whoever has the file open has a write-ahead log and its index, `-shm`, beside it: then SQLite
    reads the file together with him. Without them it would have to make them, and cannot: the file
    is read as immutable, and together with a log that was left there, without locks.
    """
    if not os.path.isfile(path) or is_writable(os.path.dirname(path) or "."):
        return None
    seen = _stamp(path)
    try:
        wal = _stamp(f"{path}-wal")
    except FileNotFoundError:
        return Frozen(seen, has_wal=False)
    if os.path.exists(f"{path}-shm"):
        return None
    has_wal = wal[_SIZE] > 0
    return Frozen((*seen, *wal), has_wal) if os.name == "posix" or not has_wal else None


_SIZE: Final = 2


def _stamp(path: str) -> tuple[int, ...]:
    now = os.stat(path)
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def is_writable(path: str) -> bool:
    """Tell whether this process may write to a file, or make one in a folder."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
