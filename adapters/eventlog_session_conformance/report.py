"""What a session was found to keep, to break, and was not asked."""

from dataclasses import dataclass
from typing import Final, Literal

from eventlog_session_conformance.case import BrokenPromiseError, Case


@dataclass(frozen=True)
class Outcome:
    """What became of one case; `detail` says why, if it did not pass."""

    case: Case
    result: Literal["passed", "failed", "skipped"]
    detail: str = ""


class Report:
    """The outcome of every case; as a string, a table of what failed and what was skipped."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self.outcomes: Final = tuple(outcomes)

    @property
    def passed(self) -> list[Outcome]:
        """The promises that were kept."""
        return self._those("passed")

    @property
    def failures(self) -> list[Outcome]:
        """The promises that were broken."""
        return self._those("failed")

    @property
    def skipped(self) -> list[Outcome]:
        """The promises that were not asked for."""
        return self._those("skipped")

    def raise_for_failures(self) -> None:
        """Raise an AssertionError that lists every broken promise; return if there is none."""
        if self.failures:
            lines = [f"{len(self.failures)} of {len(self.outcomes)} promises are broken:"]
            for outcome in self.failures:
                case = outcome.case
                lines += [
                    f"- {case.name} ({case.reference}): {case.promise}",
                    f"    {outcome.detail}",
                ]
            raise AssertionError("\n".join(lines))

    def __str__(self) -> str:
        rows = [*self.failures, *self.skipped]
        width = max((len(row.case.name) for row in rows), default=0)
        lines = [f"{row.result:8}{row.case.name:{width}}  {row.detail}" for row in rows]
        counts = (len(self.passed), len(self.failures), len(self.skipped))
        return "\n".join([*lines, "{} passed, {} failed, {} skipped".format(*counts)])

    def _those(self, result: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.result == result]


def describe(error: BaseException) -> str:
    """Say in a line what a session did instead."""
    if isinstance(error, BrokenPromiseError):
        return str(error)
    text = " ".join(str(error).split())
    return f"raised {type(error).__name__}" + (f": {text[:240]}" if text else "")
