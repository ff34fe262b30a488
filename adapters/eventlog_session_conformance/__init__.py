"""A conformance suite for sessions of the OpenAI Agents SDK.

`await run_session_conformance(make_session)` checks a session against all that the SDK relies on,
or each case is a test of its own: `await case.run(make_session)` for each of `cases()`.
"""

try:
    import agents as _agents
except ImportError as error:
    raise ImportError(
        "The conformance suite runs sessions of the OpenAI Agents SDK, and needs it:"
        " pip install openai-agents."
    ) from error

import unittest
from collections.abc import Iterable

from eventlog_session_conformance import (
    cancelling,
    closing,
    issues,
    items,
    loops,
    reading,
    runs,
    settings,
    stacking,
    together,
    writing,
)
from eventlog_session_conformance.case import (
    BrokenPromiseError,
    Case,
    MakeSession,
    Options,
    error_of,
)
from eventlog_session_conformance.report import Outcome, Report, describe

del _agents

__all__ = [
    "BrokenPromiseError",
    "Case",
    "MakeSession",
    "Options",
    "Outcome",
    "Report",
    "cases",
    "run_session_conformance",
]

_MODULES = (
    settings,
    reading,
    writing,
    items,
    together,
    cancelling,
    loops,
    runs,
    stacking,
    issues,
    closing,
)


def cases(options: Options | None = None) -> tuple[Case, ...]:
    """Return every case, in order; with `options`, those only that they do not rule out."""
    every = (case for module in _MODULES for case in module.case)
    return tuple(case for case in every if options is None or not case.missing(options))


async def run_session_conformance(
    make_session: MakeSession,
    *,
    options: Options | None = None,
    only: Iterable[Case] | None = None,
) -> Report:
    """Run every case, or `only` some, each on a conversation of its own, whatever others find.

    `make_session` is given a session id and makes a session, or is a coroutine function that does.
    All that it makes are on one store: two sessions of one id are two instances of one
    conversation. The suite closes what it made, if it has a `close`.
    """
    return Report([await _outcome(case, make_session, options) for case in only or cases()])


async def _outcome(case: Case, make_session: MakeSession, options: Options | None) -> Outcome:
    error = await error_of(case.run(make_session, options))
    if error is None:
        return Outcome(case, "passed")
    if isinstance(error, unittest.SkipTest):
        return Outcome(case, "skipped", str(error))
    return Outcome(case, "failed", describe(error))
