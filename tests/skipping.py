"""What a skipped test means: a failure where CI runs, and elsewhere a last line that says why.

CI=true in the environment says that CI runs. A test that is expected to fail is not a skipped one.
"""

import os
from collections import Counter
from collections.abc import Generator
from typing import Final, TypeVar

import pytest

_Report = pytest.TestReport | pytest.CollectReport
_Kind = TypeVar("_Kind", pytest.TestReport, pytest.CollectReport)


def is_ci() -> bool:
    """Tell whether CI runs, as the services that run it say."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def register(config: pytest.Config) -> None:
    """Watch the skips of a run, in each of its processes."""
    if is_ci():
        config.pluginmanager.register(SkipsFail())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SkipsAreSaid())


class SkipsFail:
    """Makes a failure of every skip, with its reason."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        return _failed((yield))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        return _failed((yield))


class SkipsAreSaid:
    """Counts skips by their reasons; the last line of the run says them."""

    def __init__(self) -> None:
        self._reasons: Final[Counter[str]] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._count(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._count(report)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        if self._reasons:
            said = [f"{reason} ({count} skipped)" for reason, count in self._reasons.items()]
            config.get_terminal_writer().line(f"Not tested here: {'; '.join(said)}")

    def _count(self, report: _Report) -> None:
        if report.skipped and not _is_expected(report):
            self._reasons[_reason(report)] += 1


def _failed(report: _Kind) -> _Kind:
    if report.skipped and not _is_expected(report):
        reason = _reason(report)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and CI skips nothing: {reason}"
    return report


def _is_expected(report: _Report) -> bool:
    """Tell whether pytest calls it skipped because it failed as it was expected to."""
    return hasattr(report, "wasxfail")


def _reason(report: _Report) -> str:
    said = report.longrepr
    text = said[2] if isinstance(said, tuple) else str(said)
    return text.removeprefix("Skipped: ")
