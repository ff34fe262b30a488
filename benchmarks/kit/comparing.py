"""What a run has found beside the last results that were committed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.kit.harness import Spread
from benchmarks.kit.report import Report, Verdict

LEAST: Final = 0.02
"""Of a figure that has no spread, like a count of bytes: what is no difference."""

Figure = tuple[str, str, str]
"""What was measured, who, and beside what."""


def committed(folder: Path) -> dict[Figure, Spread]:
    """Return the figures of the results in `folder`; none where there are no results."""
    path = folder / "benchmarks.json"
    if not path.exists():
        return {}
    bars: list[Any] = json.loads(path.read_text("utf-8"))["bars"]
    return {(bar["what"], bar["who"], bar["beside"]): Spread(**bar["found"]) for bar in bars}


def is_slower(before: Spread, now: Spread, *, less_is_better: bool) -> bool:
    """Tell whether the worst that was found before is still better than the best found now."""
    if less_is_better:
        return now.lowest > before.highest * (1 + LEAST)
    return now.highest < before.lowest * (1 - LEAST)


def words(before: Mapping[Figure, Spread], report: Report) -> str:
    """Say in Markdown which figures got worse by more than their spreads."""
    slower = [
        f"- {each.what}: {each.who} {each.found.median:,.2f} {each.beside}"
        f" ({each.found.lowest:,.2f} to {each.found.highest:,.2f}),"
        f" was {old.median:,.2f} ({old.lowest:,.2f} to {old.highest:,.2f})"
        for each in report.verdicts()
        if (old := before.get((each.what, each.who, each.beside)))
        and is_slower(old, each.found, less_is_better=_less_is_better(each))
    ]
    compared = sum((each.what, each.who, each.beside) in before for each in report.verdicts())
    if not slower:
        return (
            f"Of {compared:,} figures none got slower than in the committed results"
            " by more than the spread."
        )
    opening = (
        f"Of {compared:,} figures, slower than in the committed results by more than the spread:"
    )
    return "\n".join((opening, "", *slower))


def _less_is_better(verdict: Verdict) -> bool:
    """Tell a ratio, of times or of bytes, from a rate of units a second."""
    return verdict.beside.startswith("x ")
