"""Pin every dependency with its hashes, for every platform, naming no package index.

dev.txt and demo.txt have the newest releases of today. lowest.txt is dev.txt but for what
pyproject.toml names for users, of which it has the lowest release that is allowed there.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

COMPILE: Final = (
    *("uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--upgrade", "--quiet"),
    *("--no-emit-index-url", "--no-emit-find-links"),
)

PIN: Final = re.compile(r"^(([\w.-]+)==.*?) \\$", re.MULTILINE)
"""A line of dev.txt: the pin with its marker, and its name."""


def lock(target: str, *wanted: str) -> None:
    """Resolve what `wanted` selects into a file of requirements."""
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", *COMPILE, *wanted, "-o", f"requirements/{target}"], check=True
    )


def lock_lowest() -> None:
    """Resolve the lowest of what users get, beside the tests' tools as they are in dev.txt."""
    users = names_for_users()
    pins = PIN.findall(Path("requirements/dev.txt").read_text())
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as others:
        others.write("\n".join(pin for pin, name in pins if name not in users))
        others.flush()
        groups = ("--all-extras", "--group", "build", "--group", "test", "--group", "demo")
        lock("lowest.txt", *groups, "--resolution", "lowest-direct", "-c", others.name)


def names_for_users() -> set[str]:
    """Return the names of what the package and its extras need."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    needed = [project["dependencies"], *project["optional-dependencies"].values()]
    return {re.split(r"[^\w.-]", named)[0].lower() for some in needed for named in some}


if __name__ == "__main__":
    lock("dev.txt", "--all-extras", "--group", "dev")
    lock("demo.txt", "--group", "demo", "--group", "build", "-c", "requirements/dev.txt")
    lock_lowest()
