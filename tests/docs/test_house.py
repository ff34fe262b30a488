"""The house stays one that a reader walks through: no room outgrows what one head holds."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("eventlog", "projections", "adapters", "benchmarks")
GENERATED: Final = {"generated.py", "names.py"}
"""Written by tests/databases/generate.py: nobody reads them through."""

MOST_FILES: Final = 25
MOST_LINES_OF_A_FILE: Final = 400
MOST_LINES_OF_A_CLASS: Final = 200
MOST_METHODS: Final = 22
MOST_LINES_OF_A_FUNCTION: Final = 50

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files() -> list[Path]:
    found = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
    return [path for path in found if path.name not in GENERATED]


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def length(node: Function | ast.ClassDef) -> int:
    """Count the body's lines without docstrings: to explain is no fault."""
    explained = sum(
        (one.end_lineno or one.lineno) - one.lineno + 1
        for one in ast.walk(node)
        if isinstance(one, ast.Expr)
        and isinstance(one.value, ast.Constant)
        and isinstance(one.value.value, str)
    )
    return (node.end_lineno or node.lineno) - node.body[0].lineno + 1 - explained


def test_no_folder_is_a_corridor() -> None:
    """At most so many files lie in one folder."""
    folders = {path.parent for path in files()}
    crowded = [folder for folder in folders if len(list(folder.glob("*.py"))) > MOST_FILES]
    assert not crowded


def test_no_file_and_no_class_outgrows_its_room() -> None:
    """A file is one concept, a class says in one sentence what it is for."""
    long = [path for path in files() if len(path.read_text().splitlines()) > MOST_LINES_OF_A_FILE]
    big = [
        where
        for where, node in nodes()
        if isinstance(node, ast.ClassDef)
        and (
            length(node) > MOST_LINES_OF_A_CLASS
            or sum(isinstance(one, Function) for one in node.body) > MOST_METHODS
        )
    ]
    assert not long
    assert not big


def test_functions_are_small() -> None:
    """Half of them have five lines or fewer."""
    lengths = {where: length(node) for where, node in nodes() if isinstance(node, Function)}
    assert not [where for where, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION]
    assert statistics.median(lengths.values()) <= 5
