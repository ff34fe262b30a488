"""The pages of docs/, which the wheel has: what a message or a docstring points to is there."""

from pathlib import Path
from typing import Final

FOLDER: Final = "docs"
"""What a page's name begins with, as messages write it."""

_PACKAGE: Final = Path(__file__).parent


def pages() -> dict[str, Path]:
    """Return the pages by their names, such as `docs/erasure.md`."""
    packaged = _PACKAGE / "_docs"
    folder = packaged if packaged.is_dir() else _PACKAGE.parents[1] / FOLDER
    found = sorted([*folder.glob("*.md"), *folder.glob("*.py")])
    return {f"{FOLDER}/{path.name}": path for path in found}


def is_page(name: str) -> bool:
    """Tell whether a name is that of a page, and of no command."""
    return name.endswith((".md", ".py"))


def page(name: str) -> str | None:
    """Return what a page says, by its name with or without its folder; None if there is none."""
    path = pages().get(f"{FOLDER}/{name.removeprefix(f'{FOLDER}/')}")
    return None if path is None else path.read_text("utf-8")


def listed() -> list[tuple[str, str]]:
    """Return the name of each page that one reads, and its title."""
    return [
        (name, path.read_text("utf-8").partition("\n")[0].lstrip("# "))
        for name, path in pages().items()
        if path.suffix == ".md"
    ]
