"""What a session knows about the run that calls it.

The SDK hands each run's context wrapper to a session that asks for it; nothing else names a run. So
a run is a wrapper: it has an id of ours, and remembers what its last read of a conversation
returned. It is kept here and not on the session, which several runs may share.
"""

import itertools
import uuid
import weakref
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from agents import RunContextWrapper
from agents.tracing import AgentSpanData, get_current_span

from eventlog import Context
from eventlog_openai_agents import traces, usage

Wrapper = RunContextWrapper[Any]


class _Seen(NamedTuple):
    version: int
    limit: int | None


class _Run:
    def __init__(self) -> None:
        self.id: Final = uuid.uuid4().hex
        self.seen: Final[dict[tuple[str, str], _Seen]] = {}
        self.warned: Final[set[str]] = set()
        self.parents: Final[dict[tuple[str, str], str | None]] = {}
        """The run that it is within, of each conversation where that was asked."""


_runs: Final["weakref.WeakKeyDictionary[Wrapper, _Run]"] = weakref.WeakKeyDictionary()


def saw(
    wrapper: Wrapper | None, conversation: tuple[str, str], version: int, limit: int | None
) -> None:
    """Remember what a read of `conversation` (tenant and session id) showed this run."""
    if wrapper is not None:
        usage.look(wrapper)
        _run(wrapper).seen[conversation] = _Seen(version, limit)


def describe(
    wrapper: Wrapper | None, conversation: tuple[str, str], actor: str | None, agent: str | None
) -> Context:
    """Return the context of an append: who, in which run, and which version it had read.

    The actor is what the caller says; else the agent; else unknown.
    """
    who = actor or (f"agent:{agent}" if agent else "unknown")
    if wrapper is None:
        return Context(actor=who, agent=agent, **traces.current(set()))
    run = _run(wrapper)
    seen = run.seen.get(conversation)
    return Context(
        actor=who,
        agent=agent,
        run_id=run.id,
        seen_version=seen and seen.version,
        seen_limit=seen and seen.limit,
        parent_run_id=_parent(run, wrapper, conversation),
        **traces.current(run.warned),
    )


def author(items: Sequence[Any]) -> str | None:
    """Return the agent that is at work, unless all items are what a user said.

    The SDK saves the input of a streamed run within the span of the agent that it refused.
    """
    said = isinstance(items, (list, tuple)) and all(map(_is_input, items))
    return None if said else current_agent()


def current_agent() -> str | None:
    """Return the agent whose span is current: after a handoff the next one."""
    span = get_current_span()
    if span is not None and isinstance(span.span_data, AgentSpanData):
        return span.span_data.name
    return None


def _is_input(item: object) -> bool:
    return traces.is_object(item) and item.get("role") == "user"


def _parent(run: _Run, wrapper: Wrapper, conversation: tuple[str, str]) -> str | None:
    """Return the run of the same conversation that this one is within, as a tool of its agent."""
    if conversation not in run.parents:
        run.parents[conversation] = None
        for other in itertools.takewhile(lambda one: one is not wrapper, usage.sharing(wrapper)):
            if conversation in _run(other).seen:
                run.parents[conversation] = _run(other).id
                break
    return run.parents[conversation]


def _run(wrapper: Wrapper) -> _Run:
    run = _runs.get(wrapper)
    return run if run is not None else _runs.setdefault(wrapper, _Run())
