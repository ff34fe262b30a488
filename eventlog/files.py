"""Replacing a file atomically: a reader sees the old content or all of the new."""

import os


def write_whole(path: str, content: bytes, *, mode: int = 0o666) -> None:
    """Replace or create a file durably; `mode` is before the umask. Blocks. Raises OSError."""
    new = f"{path}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
