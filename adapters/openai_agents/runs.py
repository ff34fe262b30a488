"""What a session can tell about the run that calls it.

The SDK hands each run's context wrapper to a session that asks for it; nothing else names a run. So
a run is a wrapper: it has an id of ours, and remembers what its last read of a conversation
returned. It is kept here and not on the session, which several runs may share.
"""

import uuid
import weakref
from typing import Any, Final, NamedTuple

from agents import RunContextWrapper
from agents.tracing import AgentSpanData, get_current_span, get_current_trace

from eventlog import Context

Wrapper = RunContextWrapper[Any]

_ABSENT: Final = (None, "", "no-op")
"""What the SDK gives for an id where tracing is off."""


class _Seen(NamedTuple):
    version: int
    limit: int | None


class _Run:
    def __init__(self) -> None:
        self.id: Final = uuid.uuid4().hex
        self.seen: Final[dict[tuple[str, str], _Seen]] = {}


_runs: Final["weakref.WeakKeyDictionary[Wrapper, _Run]"] = weakref.WeakKeyDictionary()


def saw(
    wrapper: Wrapper | None, conversation: tuple[str, str], version: int, limit: int | None
) -> None:
    """Remember what a read of `conversation` (tenant and session id) showed this run."""
    if wrapper is not None:
        _run(wrapper).seen[conversation] = _Seen(version, limit)


def describe(wrapper: Wrapper | None, conversation: tuple[str, str], actor: str | None) -> Context:
    """Describe who is writing, in which run, having seen what.

    The actor is what the caller says; else the agent whose span is current, which is right for what
    a model said; else unknown.
    """
    agent = _current_agent()
    who = actor or (f"agent:{agent}" if agent else "unknown")
    if wrapper is None:
        return Context(actor=who, agent=agent)
    run = _run(wrapper)
    seen = run.seen.get(conversation)
    trace = get_current_trace()
    return Context(
        actor=who,
        agent=agent,
        run_id=run.id,
        trace_id=_present(getattr(trace, "trace_id", None)),
        group_id=_present(getattr(trace, "group_id", None)),
        seen_version=seen and seen.version,
        seen_limit=seen and seen.limit,
    )


def _run(wrapper: Wrapper) -> _Run:
    run = _runs.get(wrapper)
    return run if run is not None else _runs.setdefault(wrapper, _Run())


def _current_agent() -> str | None:
    span = get_current_span()
    if span is not None and isinstance(span.span_data, AgentSpanData):
        return span.span_data.name
    return None


def _present(value: str | None) -> str | None:
    return None if value in _ABSENT else value
