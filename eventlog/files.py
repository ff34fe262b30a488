"""Writing a file at once: whoever reads it meanwhile sees what was there before, or all of it."""

import os


def write_whole(path: str, content: bytes, *, mode: int = 0o666) -> None:
    """Replace a file, or make it, durably; `mode` is before the umask. Blocks; raises OSError."""
    new = f"{path}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
