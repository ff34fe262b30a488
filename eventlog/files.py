"""Files: replacing one atomically, and how SQLite is told which one is meant."""

import os
from urllib.parse import quote


def write_whole(path: str, content: bytes, *, mode: int = 0o666) -> None:
    """Replace or create a file durably; `mode` is before the umask. Blocks. Raises OSError."""
    new = f"{path}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)


def sqlite_uri(path: str, mode: str, *, immutable: bool = False) -> str:
    """Return the URI of a file for SQLite (https://sqlite.org/uri.html), whatever its name holds.

    `mode` is "ro", "rw" or "rwc"; `immutable` promises that nobody writes it.
    """
    name = os.fsencode(os.path.join(os.getcwd(), path))
    if os.name == "nt":
        name = b"/" + name.replace(b"\\", b"/")
    return f"file://{quote(name)}?mode={mode}{'&immutable=1' * immutable}"
