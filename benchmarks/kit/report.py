"""Figures for people (Markdown) and for programs (JSON)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.kit.harness import Measured, Spread, per_second, ratio
from benchmarks.kit.place import Note
from benchmarks.kit.quiet import TOLERANCE, Quiet
from benchmarks.kit.scenario import Bar, Count, Rate, Timing


class Timed(NamedTuple):
    """A scenario of a module, and the latencies of its contenders."""

    module: str
    scenario: Timing
    measured: Mapping[str, Measured]

    def verdicts(self) -> list["Verdict"]:
        """Return what the ratios and rates are, bar by bar."""
        return [self._verdict(bar) for bar in self.scenario.bars]

    def _verdict(self, bar: Bar | Rate) -> "Verdict":
        title, ours = self.scenario.title, self.measured[bar.name]
        if isinstance(bar, Bar):
            return _ratio(title, bar, ratio(ours, self.measured[bar.base]))
        found = per_second(ours, self.scenario.units)
        is_met = None if bar.at_least is None else found.median >= bar.at_least
        limit = "" if bar.at_least is None else f"at least {bar.at_least:,.0f}"
        return Verdict(title, bar.name, bar.unit, found, limit, is_met)


class Counted(NamedTuple):
    """A scenario of a module, and what was counted."""

    module: str
    scenario: Count
    values: Mapping[str, float]

    def verdicts(self) -> list["Verdict"]:
        """Return what the ratios are, bar by bar."""
        return [self._verdict(bar) for bar in self.scenario.bars]

    def _verdict(self, bar: Bar) -> "Verdict":
        found = self.values[bar.name] / self.values[bar.base]
        return _ratio(self.scenario.title, bar, Spread(found, found, found))


class Verdict(NamedTuple):
    """One bar: what was found, and whether it is met, if there is anything to meet."""

    what: str
    who: str
    beside: str
    found: Spread
    bar: str
    is_met: bool | None


class Report(NamedTuple):
    """All that a run has found."""

    machine: str
    quiet: Quiet
    timed: Sequence[Timed]
    counted: Sequence[Counted]
    notes: Sequence[Note]

    def verdicts(self) -> list[Verdict]:
        """Return those of all results."""
        return [verdict for result in self._results() for verdict in result.verdicts()]

    def by_module(self) -> list[tuple[str, Verdict]]:
        """Return the same, each with the name of the module that measured it."""
        return [(each.module, verdict) for each in self._results() for verdict in each.verdicts()]

    def _results(self) -> list[Timed | Counted]:
        return [*self.timed, *self.counted]


def _ratio(title: str, bar: Bar, found: Spread) -> Verdict:
    is_met = None if bar.at_most is None else found.median <= bar.at_most
    limit = "" if bar.at_most is None else f"at most {bar.at_most}"
    return Verdict(title, bar.name, f"x {bar.base}", found, limit, is_met)


def write(report: Report, folder: Path) -> None:
    """Write benchmarks.json and benchmarks.md into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.md").write_text(markdown(report))
    (folder / "benchmarks.json").write_text(json.dumps(as_json(report), indent=2) + "\n")


def markdown(report: Report) -> str:
    """Return the bars, the latencies behind them, and what was counted."""
    tables = (
        _table(("what", "who", "figure", "beside", "spread", "bar", ""), _bars(report)),
        _table(("what", "who", "p50 us", "p99 us"), _latencies(report)),
        _table(("what", "which", "value", "unit"), _amounts(report)),
    )
    opening = (
        f"Measured on {report.machine}. A figure is the median of the rounds, with the lowest and"
        " the highest round; contenders took turns call by call."
    )
    return "\n\n".join((opening, how_quiet(report.quiet), *filter(None, tables))) + "\n"


def how_quiet(quiet: Quiet) -> str:
    """Say how quiet the machine was."""
    return (
        "Beside each round a bare loop was timed: in the median it took"
        f" {quiet.median:.2f} times as long as its quickest tenth, {quiet.highest:.2f} at the most."
        f" Of {quiet.rounds:,} rounds"
        f" {quiet.loud:,} count although it took over {TOLERANCE} times as long;"
        f" {quiet.repeated:,} others were taken again for that."
    )


def as_json(report: Report) -> dict[str, object]:
    """Return the same as plain values."""
    return {
        "machine": report.machine,
        "quiet": report.quiet._asdict(),
        "bars": [
            {"module": module} | verdict._asdict() | {"found": verdict.found._asdict()}
            for module, verdict in report.by_module()
        ],
        "latencies_us": [
            {"what": result.scenario.title, "who": each.name}
            | {f"p{percent}": round(each.percentile(percent), 1) for percent in (50, 99)}
            for result in report.timed
            for each in result.measured.values()
        ],
        "amounts": [note._asdict() for note in _every_amount(report)],
    }


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    body = [_row(row) for row in rows]
    return "\n".join((_row(head), _row(["---"] * len(head)), *body)) if body else ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bars(report: Report) -> Iterator[Sequence[str]]:
    words = {True: "met", False: "**missed**", None: ""}
    for what, who, beside, found, bar, is_met in report.verdicts():
        spread = f"{number(found.lowest)} to {number(found.highest)}"
        yield what, who, number(found.median), beside, spread, bar, words[is_met]


def _latencies(report: Report) -> Iterator[Sequence[str]]:
    for result in report.timed:
        for each in result.measured.values():
            percentiles = (f"{each.percentile(percent):,.0f}" for percent in (50, 99))
            yield result.scenario.title, each.name, *percentiles


def _amounts(report: Report) -> Iterator[Sequence[str]]:
    for amount in _every_amount(report):
        yield amount.what, amount.which, f"{amount.value:,.0f}", amount.unit


def _every_amount(report: Report) -> Iterator[Note]:
    for result in report.counted:
        for which, value in result.values.items():
            yield Note(result.scenario.title, which, value, result.scenario.unit)
    yield from report.notes


def number(value: float) -> str:
    """Write a figure: whole from a hundred on, with two decimals below."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
