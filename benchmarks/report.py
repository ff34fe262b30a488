"""Figures for people (Markdown) and for programs (JSON)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import Measured, Ratio, ratio
from benchmarks.scenarios import Scenario


class Result(NamedTuple):
    """A scenario and what was measured in it."""

    scenario: Scenario
    measured: dict[str, Measured]


def write(results: Sequence[Result], machine: str, folder: Path) -> str:
    """Write benchmarks.json and benchmarks.md into `folder`; return the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(results, machine)
    (folder / "benchmarks.md").write_text(text)
    (folder / "benchmarks.json").write_text(json.dumps(as_json(results, machine), indent=2) + "\n")
    return text


def markdown(results: Sequence[Result], machine: str) -> str:
    """Return two tables: the bars, and the latencies behind them."""
    lines = [
        f"Measured on {machine}. Ratios are medians of rounds, with the lowest and highest round.",
        "",
        "| what | beside | ratio | spread | bar | |",
        "|---|---|---|---|---|---|",
    ]
    for scenario, measured in results:
        for bar in scenario.bars:
            found = ratio(measured, bar.name, bar.base)
            lines.append(_bar_row(scenario.title, found, bar.at_most))
    lines += ["", "| what | who | p50 us | p99 us |", "|---|---|---|---|"]
    for scenario, measured in results:
        lines += [_latency_row(scenario.title, each) for each in measured.values()]
    return "\n".join(lines) + "\n"


def as_json(results: Sequence[Result], machine: str) -> dict[str, object]:
    """Return the same, with every round's ratio."""
    return {
        "machine": machine,
        "ratios": [
            {"what": scenario.title, "at_most": bar.at_most}
            | ratio(measured, bar.name, bar.base)._asdict()
            for scenario, measured in results
            for bar in scenario.bars
        ],
        "latencies_us": [
            {"what": scenario.title, "who": each.name}
            | {f"p{percent}": round(each.percentile(percent), 1) for percent in (50, 99)}
            for scenario, measured in results
            for each in measured.values()
        ],
    }


def _bar_row(title: str, found: Ratio, at_most: float) -> str:
    verdict = "met" if found.median <= at_most else "**missed**"
    spread = f"{found.lowest:.2f} to {found.highest:.2f}"
    return f"| {title} | {found.base} | {found.median:.2f} | {spread} | {at_most} | {verdict} |"


def _latency_row(title: str, measured: Measured) -> str:
    return (
        f"| {title} | {measured.name} | {measured.percentile(50):.0f} |"
        f" {measured.percentile(99):.0f} |"
    )
