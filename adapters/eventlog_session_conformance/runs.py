"""What the SDK's Runner does with a session, in whole runs of a scripted model."""

# ruff: noqa: D401 - the docstring of a case is its promise

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from agents import RunConfig, Session, SessionSettings, TResponseInputItem
from agents.testing import ModelStep, ScriptedModel

from eventlog_session_conformance.agent import (
    Run,
    agent,
    approve,
    ask_weather,
    kinds,
    pause,
    run,
    say,
    stream,
    weather,
)
from eventlog_session_conformance.case import Bench, Collection, error_of, expect, said

case: Final = Collection()

_CALL: Final = ["function_call", "function_call_output"]


class _Measure:
    """A session that is a list, to measure others by: what a run leaves in it is right."""

    def __init__(self) -> None:
        self.session_id = "measure"
        self.session_settings: SessionSettings | None = None
        self._items: list[str] = []

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        start = 0 if limit is None else max(0, len(self._items) - limit)
        return [json.loads(item) for item in self._items[start:]]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        self._items += map(json.dumps, items)

    async def pop_item(self) -> TResponseInputItem | None:
        return cast(TResponseInputItem, json.loads(self._items.pop())) if self._items else None

    async def clear_session(self) -> None:
        self._items.clear()


async def _as_measured(
    it: Bench, scenario: Callable[[Session, Run], Awaitable[Any]], expected: list[str]
) -> None:
    for each in (run, stream):
        way = f"{scenario.__name__.strip('_')}, {each.__name__}"
        measure, session = _Measure(), await it.session(f"-{each.__name__}")
        right = await scenario(measure, each)
        expect(kinds(await measure.get_items()), expected, f"the suite's own session ({way})")
        expect(await scenario(session, each), right, f"what the model was given ({way})")
        expect(await session.get_items(), await measure.get_items(), f"what was stored ({way})")


def _given(model: ScriptedModel) -> list[Any]:
    return [call.input for call in model.calls]


async def _conversation(session: Session, run: Run) -> Any:
    model = ScriptedModel(
        [
            [say("One.", "m1")],
            [ask_weather("Bern", "c1")],
            [say("Two.", "m2")],
            [say("Three.", "m3")],
        ]
    )
    helper = agent(model, weather)
    for question in ("1?", "2?", "3?"):
        await run(helper, question, session=session)
    return _given(model)


_THREE_TURNS: Final = ["user", "message", "user", *_CALL, "message", "user", "message"]


@case("run_internal/session_persistence.py:424")
async def a_conversation_is_stored_turn_by_turn(it: Bench) -> None:
    """Three runs, one with a tool: each sees those before, and all is stored, streamed or not."""
    await _as_measured(it, _conversation, _THREE_TURNS)


async def _two_tools(session: Session, run: Run) -> Any:
    model = ScriptedModel(
        [[ask_weather("Bern", "c1"), ask_weather("Rome", "c2")], [say("Warm.", "m1")]]
    )
    await run(agent(model, weather), "Bern or Rome?", session=session)
    return _given(model)


@case("run_internal/session_persistence.py:778")
async def two_tools_in_a_turn_stay_together(it: Bench) -> None:
    """Two calls and their two outputs are one batch."""
    expected = ["user", *["function_call"] * 2, *["function_call_output"] * 2, "message"]
    await _as_measured(it, _two_tools, expected)


async def _limited(session: Session, run: Run) -> Any:
    await _conversation(session, run)
    model = ScriptedModel([[say(f"{n}.", f"m{n + 4}")] for n in range(3)])
    for limit in (0, 2, 3):
        config = RunConfig(tracing_disabled=True, session_settings=SessionSettings(limit=limit))
        await run(agent(model), f"With {limit}?", session=session, run_config=config)
    return _given(model)


@case("run_internal/session_persistence.py:281")
async def a_limit_of_the_run_is_respected(it: Bench) -> None:
    """RunConfig's limit decides what the model is given, not what is stored."""
    await _as_measured(it, _limited, [*_THREE_TURNS, *["user", "message"] * 3])


async def _model_down(session: Session, run: Run) -> Any:
    model = ScriptedModel([[ask_weather("Bern", "c1")], ModelStep.raise_error(OSError("down"))])
    error = await error_of(run(agent(model, weather), "How is Bern?", session=session))
    return [type(error).__name__, _given(model)]


@case("run.py:1013")
async def a_failed_run_leaves_what_it_did(it: Bench) -> None:
    """The question and the finished tool call are stored, though the model then failed."""
    await _as_measured(it, _model_down, ["user", *_CALL])


@case("run_internal/session_persistence.py:500")
async def the_same_question_twice_is_stored_twice(it: Bench) -> None:
    """Two runs with the same words, and the same answer, are two turns."""
    session = await it.session()
    for _ in range(2):
        await run(agent(ScriptedModel([[say("Yes.", "m1")]])), "Sure?", session=session)
    expect(kinds(await session.get_items()), ["user", "message"] * 2, "what two equal runs left")


@case("run_state.py:189")
async def an_approved_run_goes_on(it: Bench) -> None:
    """A run that waited for a person, stored as JSON, goes on and adds what is new, once."""
    session = await it.session()
    await session.add_items([said("Before")])
    state = await pause(session)
    charged: list[int] = []
    await (await approve(state, session, charged)).resume()
    expect(charged, [7], "how often the approved tool was used")
    expected = ["user", "user", *_CALL, "message"]
    expect(kinds(await session.get_items()), expected, "what an approved run left")


@case("run_state.py:189", "shared")
async def an_approved_run_goes_on_elsewhere(it: Bench) -> None:
    """As above, through a session of the same id that was made for it."""
    state = await pause(await it.session())
    charged: list[int] = []
    later = await it.session()
    await (await approve(state, later, charged)).resume()
    expect(charged, [7], "how often the approved tool was used")
    expect(kinds(await later.get_items()), ["user", *_CALL, "message"], "what was left")
