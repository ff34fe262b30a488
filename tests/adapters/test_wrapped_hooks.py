"""EventLogHooks around hooks of the program's own, and around compaction."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from agents import (
    ModelResponse,
    RunHooks,
    Runner,
)
from agents.lifecycle import RunHooksBase
from agents.memory import OpenAIResponsesCompactionSession
from agents.testing import ScriptedModel

from eventlog.events import digest
from eventlog_openai_agents import EventLogHooks, EventLogSession
from eventlog_openai_agents.compaction import WithCompaction
from eventlog_session_conformance.agent import Run, agent, say
from tests.adapters import scenarios
from tests.adapters.metering import CALL, Meter, Metered, both, events, hooked, inputs, said, total
from tests.adapters.scenarios import shown
from tests.adapters.test_compaction import SUMMARY, Client, compacting


class Theirs(RunHooks[Any]):
    """Somebody else's hooks: note what they are told."""

    def __init__(self) -> None:
        self.told: list[str] = []


def _noting(name: str) -> Callable[..., Awaitable[None]]:
    async def note(self: Theirs, *_: Any, **__: Any) -> None:
        self.told.append(name)

    return note


HOOKS: Final = sorted(name for name in vars(RunHooksBase) if name.startswith("on_"))
for _name in HOOKS:
    setattr(Theirs, _name, _noting(_name))


@both
async def test_hooks_that_are_wrapped_are_told_everything_they_would_be_told(
    session: EventLogSession, run: Run
) -> None:
    """Call for call, in the same order: a release with a new hook fails here."""
    alone, inside = Theirs(), Theirs()
    for scenario in (scenarios.one_tool, scenarios.handoff):
        await scenario(session, hooked(run, alone))
        await scenario(session, hooked(run, EventLogHooks(session, hooks=inside)))
    assert inside.told == alone.told
    assert set(alone.told) == set(HOOKS)


class Changing(RunHooks[Any]):
    """Hooks that change the input in place, and fail at the end of a call."""

    async def on_llm_start(
        self, context: Any, agent: Any, system_prompt: str | None, input_items: list[Any]
    ) -> None:
        input_items.append({"role": "user", "content": "added by a hook"})

    async def on_llm_end(self, context: Any, agent: Any, response: ModelResponse) -> None:
        raise ValueError("theirs")


@both
async def test_what_wrapped_hooks_change_and_break_is_recorded(
    session: EventLogSession, calls: Meter, run: Run
) -> None:
    """The input after them is what the model gets; their error is the run's, and loses nothing."""
    model = Metered([[say("Hello.")]])
    hooks = EventLogHooks(session, hooks=Changing())
    with pytest.raises(ValueError, match="theirs"):
        await run(agent(model), "Hi", session=session, hooks=hooks)
    assert await inputs(session) == [[digest(item) for item in shown(model)[0]]]
    assert await total(session) == CALL
    assert calls() == 1


async def test_hooks_do_not_come_between_a_session_and_its_compaction(
    session: EventLogSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the SDK compacts by plain calls, what the run added behind an event is compacted."""
    monkeypatch.delattr(WithCompaction, "_get_compaction_snapshot")
    client = Client()
    wrapped: OpenAIResponsesCompactionSession = compacting(
        session, client, should_trigger_compaction=lambda _: False
    )
    await wrapped.add_items(said(1))
    await session.get_items()
    await session.get_items()
    hooks = EventLogHooks(session)
    model = ScriptedModel([[say("Hello.")]])
    await Runner.run(agent(model), "Hi", session=wrapped, hooks=hooks)
    assert [event.kind for event in await events(session)].count("called") == 1
    assert await session._atomic_replace_items([SUMMARY])
    assert await session.get_items() == [SUMMARY]
