"""Writing a file at once: whoever reads it meanwhile sees what was there before, or all of it."""

import os


def write_whole(path: str, content: bytes) -> None:
    """Replace a file, or make it, durably. Blocks; raises OSError."""
    new = f"{path}.new"
    with open(new, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
