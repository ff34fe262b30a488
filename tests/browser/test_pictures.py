"""The pictures of the documents can be taken again, and are there."""

import re
from pathlib import Path

from playwright.async_api import Browser

from tests.browser import pictures

ROOT = pictures.FOLDER.parents[1]
_PNG = b"\x89PNG\r\n\x1a\n"
_LEAST = 30_000
"""Bytes of a picture on which there is something."""


async def test_every_picture_can_be_taken(browser: Browser, tmp_path: Path) -> None:
    """By the same program that took those of the documents."""
    await pictures.take(browser, tmp_path, tmp_path)
    for name in pictures.NAMES:
        taken = (tmp_path / f"{name}.png").read_bytes()
        assert taken.startswith(_PNG)
        assert len(taken) > _LEAST, name


def test_documents_show_pictures_that_are_there() -> None:
    """All of them, and no others."""
    shown: set[str] = set()
    for document, folder in (
        (ROOT / "README.md", ROOT),
        (ROOT / "docs" / "viewer.md", ROOT / "docs"),
    ):
        found = re.findall(r'(?:\]\(|src(?:set)?=")([^)"]+\.png)', document.read_text("utf-8"))
        shown |= {(folder / each).resolve().stem for each in found}
        assert all((folder / each).exists() for each in found)
    assert shown == set(pictures.NAMES)
