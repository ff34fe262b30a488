"""Writes figures of the results into the documents: `python -m benchmarks.documents`.

A row of a table there begins with what was measured, the figure, and what it is beside.
"""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "benchmarks" / "results" / "benchmarks.md"
DOCUMENTS: Final = ("README.md", "docs/performance.md", "docs/scaling.md")

_ROW: Final = re.compile(r"^\| (.*) \|$", re.MULTILINE)
_OURS: Final = re.compile(r"^EventLogSession(, )?")

Measured = dict[tuple[str, str], list[str]]
"""What was measured and what it is beside, to figure, beside, spread, bar and verdict."""


def measured() -> Measured:
    """Return every ratio and rate of the last run."""
    found: Measured = {}
    for row in _ROW.findall(RESULTS.read_text("utf-8")):
        what, who, *figures = row.split(" | ")
        if len(figures) == 5 and who not in ("who", "---"):
            name = _OURS.sub("", who)
            found[f"{what}: {name}" if name else what, figures[1]] = figures
    return found


def rewritten(text: str, figures: Measured) -> str:
    """Return a page with the figures of this run in its tables; other rows stay as they are."""

    def replace(row: re.Match[str]) -> str:
        what, *cells = row[1].split(" | ")
        now = figures.get((what, cells[1])) if len(cells) > 2 else None
        return row[0] if now is None else f"| {' | '.join((what, *now[: len(cells)]))} |"

    return _ROW.sub(replace, text)


def shown(text: str, figures: Measured) -> list[tuple[str, str]]:
    """Return what of the results a page shows, in its order."""
    rows = [row.split(" | ") for row in _ROW.findall(text)]
    return [(row[0], row[2]) for row in rows if len(row) > 3 and (row[0], row[2]) in figures]


def main() -> None:
    """Rewrite every document."""
    figures = measured()
    for name in DOCUMENTS:
        page = ROOT / name
        page.write_text(rewritten(page.read_text("utf-8"), figures), "utf-8")


if __name__ == "__main__":
    main()
