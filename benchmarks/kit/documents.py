"""Writes the figures of the results into the documents: `python -m benchmarks.kit.documents`.

A page has blocks between <!-- figures: MODULE ... --> and <!-- end -->: a table of all that the
modules measured. Between <!-- run --> and <!-- end --> it says of what run. Other tables show
chosen rows: a row begins with what was measured, the figure, and what it is beside.
"""

import json
import re
import textwrap
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.kit.quiet import Quiet
from benchmarks.kit.report import how_quiet, number

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results" / "benchmarks.json"
DOCUMENTS: Final = ("README.md", "docs/performance.md", "docs/scaling.md")

WIDTH: Final = 138

_ROW: Final = re.compile(r"^\| (.*) \|$", re.MULTILINE)
_BLOCK: Final = re.compile(r"(<!-- figures: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_RUN: Final = re.compile(r"(<!-- run -->\n).*?(<!-- end -->)", re.DOTALL)
_OURS: Final = re.compile(r"^EventLogSession(, )?")
_WORDS: Final = {True: "met", False: "**missed**", None: ""}
_HEAD: Final = "| what | figure | beside | lowest to highest | bar | |\n|---|---|---|---|---|---|\n"


class Figure(NamedTuple):
    """A ratio or rate of the last run, and the cells that a row shows of it."""

    module: str
    what: str
    cells: tuple[str, ...]
    """Figure, beside, spread, bar and verdict."""


class Results(NamedTuple):
    """The last run that was committed."""

    machine: str
    quiet: Quiet
    figures: list[Figure]

    def row(self, what: str, beside: str) -> Figure | None:
        """Return the figure of a row, if it is one of the results."""
        return next((f for f in self.figures if (f.what, f.cells[1]) == (what, beside)), None)


def measured() -> Results:
    """Return every ratio and rate of the last run."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return Results(
        found["machine"], Quiet(**found["quiet"]), [_figure(bar) for bar in found["bars"]]
    )


def _figure(bar: dict[str, Any]) -> Figure:
    name = _OURS.sub("", bar["who"])
    what = f"{bar['what']}: {name}" if name else bar["what"]
    found = bar["found"]
    spread = f"{number(found['lowest'])} to {number(found['highest'])}"
    cells = (number(found["median"]), bar["beside"], spread, bar["bar"], _WORDS[bar["is_met"]])
    return Figure(bar["module"], what, cells)


def rewritten(text: str, results: Results) -> str:
    """Return a page with the figures of this run; rows that nobody measured stay as they are."""

    def block(found: re.Match[str]) -> str:
        modules = found[2].split()
        shown = [figure for figure in results.figures if figure.module in modules]
        rows = "".join(f"| {' | '.join((each.what, *each.cells))} |\n" for each in shown)
        return f"{found[1]}{_HEAD}{rows}{found[3]}"

    def row(found: re.Match[str]) -> str:
        what, *cells = found[1].split(" | ")
        now = results.row(what, cells[1]) if len(cells) > 2 else None
        return found[0] if now is None else f"| {' | '.join((what, *now.cells[: len(cells)]))} |"

    text = _RUN.sub(lambda found: f"{found[1]}{of_the_run(results)}\n{found[2]}", text)
    return _ROW.sub(row, _BLOCK.sub(block, text))


def of_the_run(results: Results) -> str:
    """Say on what was measured, how quiet it was, and how many bars are met."""
    bars = [figure for figure in results.figures if figure.cells[3]]
    met = sum(figure.cells[4] == "met" for figure in bars)
    text = (
        f"Measured in one run on {results.machine}. {how_quiet(results.quiet)}"
        f" Of {len(bars)} bars {met} are met; those that are missed are shown too."
    )
    return textwrap.fill(text, WIDTH)


def shown(text: str, results: Results) -> list[tuple[str, str]]:
    """Return what of the results a page shows, in its order."""
    rows = [row.split(" | ") for row in _ROW.findall(text)]
    return [(row[0], row[2]) for row in rows if len(row) > 3 and results.row(row[0], row[2])]


def rewrite() -> None:
    """Rewrite every document."""
    results = measured()
    for name in DOCUMENTS:
        page = ROOT / name
        page.write_text(rewritten(page.read_text("utf-8"), results), "utf-8")


if __name__ == "__main__":
    rewrite()
