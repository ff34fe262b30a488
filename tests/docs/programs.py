"""The two programs of docs/format.md, as a test extracts and runs them."""

import contextlib
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "format.md").read_text("utf-8")


def program(first_word: str) -> str:
    """Return the code of the program whose docstring starts so."""
    start = DOCUMENT.index(f'```python\n"""{first_word} ') + len("```python\n")
    return DOCUMENT[start : DOCUMENT.index("```", start)]


VERIFIER: Final = program("Verify")
READER: Final = program("Print")


def dictionary() -> bytes:
    """Return the dictionary of codec 2 as the reader has it."""
    literal = r"^DICTIONARY = (rb'{3}.*?'{3}\.replace\(.*?\))$"
    (found,) = re.findall(literal, READER, re.DOTALL | re.MULTILINE)
    value: bytes = eval(found)
    return value


def sql(path: Path, statement: str, *arguments: object) -> list[Any]:
    """Run SQL as the owner."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        return db.execute(statement, arguments).fetchall()


def run(code: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a program of the document with nothing but a standard library."""
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
