"""Models that use something, and what the log has of it."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from agents import RunContextWrapper, RunHooks, Runner, Usage
from agents.testing import ScriptedModel
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from eventlog import RecordedEvent, UnavailableError
from eventlog.events import ModelCalled, UsageRecorded
from eventlog_openai_agents import EventLogSession
from eventlog_projections.history.counts import Counts
from eventlog_session_conformance.agent import Run
from tests.adapters import scenarios

CALL: Final = Counts(1, 100, 40, 10, 20, 5, 120)
"""What each model call of these tests uses."""

NOTHING: Final = Counts()

both = pytest.mark.parametrize("run", [Runner.run, scenarios.streamed])


def used(counts: Counts = CALL) -> Usage:
    requests, given, cached, written, made, reasoning, total = counts
    return Usage(
        requests=requests,
        input_tokens=given,
        input_tokens_details=InputTokensDetails(cached_tokens=cached, cache_write_tokens=written),
        output_tokens=made,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=reasoning),
        total_tokens=total,
    )


def times(number: int, counts: Counts = CALL) -> Counts:
    return Counts(*(number * count for count in counts))


class Metered(ScriptedModel):
    """A scripted model whose calls are counted, whoever makes them."""

    made: list["Metered"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, default_usage=used(), **options)
        self.made.append(self)


Meter = Callable[[], int]
"""How many calls all models of the scenarios were asked for."""


async def events(session: EventLogSession) -> list[RecordedEvent]:
    return [event async for event in session.log.read(session.session_id)]


async def recorded(session: EventLogSession) -> list[UsageRecorded]:
    found = [event.event for event in await events(session)]
    return [event for event in found if isinstance(event, UsageRecorded)]


def counts_of(event: UsageRecorded) -> Counts:
    return Counts(*(getattr(event, name) for name in Counts._fields))


async def total(session: EventLogSession) -> Counts:
    sum_of_all = NOTHING
    for event in await recorded(session):
        sum_of_all = sum_of_all.plus(counts_of(event))
    return sum_of_all


def a_run(counts: Counts = NOTHING) -> RunContextWrapper[Any]:
    return RunContextWrapper[Any](None, usage=used(counts))


def said(content: object) -> list[Any]:
    return [{"role": "assistant", "content": content}]


async def unreachable(*_: Any, **__: Any) -> None:
    raise UnavailableError("The database cannot be reached.")


def hooked(run: Run, hooks: RunHooks[Any]) -> Run:
    """Give every run of a scenario these hooks; agents that are tools have their own."""

    async def with_hooks(*args: Any, **options: Any) -> Any:
        return await run(*args, hooks=hooks, **options)

    return with_hooks


async def called(session: EventLogSession) -> list[ModelCalled]:
    found = [event.event for event in await events(session)]
    return [event for event in found if isinstance(event, ModelCalled)]


async def inputs(session: EventLogSession) -> list[list[str]]:
    return [call.input for call in await called(session)]
