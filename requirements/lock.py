"""Pin every dependency with its hashes, for every platform, naming no package index."""

import subprocess
import sys
from typing import Final

COMPILE: Final = (
    *("uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--upgrade", "--quiet"),
    *("--no-emit-index-url", "--no-emit-find-links"),
)


def lock(target: str, *wanted: str) -> None:
    """Resolve what `wanted` selects into a file of requirements."""
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", *COMPILE, *wanted, "-o", f"requirements/{target}"], check=True
    )


lock("dev.txt", "--all-extras", "--group", "dev")
lock("demo.txt", "--group", "demo", "--group", "build", "-c", "requirements/dev.txt")
