"""Runs in which somebody decides what of the history the model is given."""

from typing import Any, Final, cast

from agents import ReasoningItemIdPolicy, RunConfig, Session, SessionSettings, TResponseInputItem
from agents.run_config import CallModelData, ModelInputData
from agents.testing import ScriptedModel
from openai.types.responses import ResponseReasoningItem

from eventlog_session_conformance.agent import Run, agent, say, weather
from eventlog_session_conformance.agent import ask_weather as ask
from tests.adapters.scenarios import (
    CALL,
    THREE_TURNS,
    Scenario,
    Seen,
    refusal,
    several_turns,
    shown,
)

_Items = list[TResponseInputItem]


def _only_the_last(history: _Items, new: _Items) -> _Items:
    cast(Any, new[-1])["content"] = "rewritten"
    return history[-1:] + new


async def _new_first(history: _Items, new: _Items) -> _Items:
    note: Any = {"role": "developer", "content": "Be brief."}
    return [*new, note, *history[:1], *history[:1]]


def _nothing_new(history: _Items, new: _Items) -> _Items:
    return history


def _no_list(history: _Items, new: _Items) -> Any:
    return (*history, *new)


async def input_callback(session: Session, run: Run) -> Seen:
    return await _two_turns(session, run, session_input_callback=_only_the_last)


async def input_callback_that_waits_and_adds(session: Session, run: Run) -> Seen:
    return await _two_turns(session, run, session_input_callback=_new_first)


async def input_callback_that_drops_the_input(session: Session, run: Run) -> Seen:
    before: Any = {"role": "user", "content": "Before"}
    await session.add_items([before])
    return await _two_turns(session, run, session_input_callback=_nothing_new)


async def input_callback_that_is_refused(session: Session, run: Run) -> Seen:
    return [await refusal(_two_turns(session, run, session_input_callback=_no_list))]


async def model_input_filter(session: Session, run: Run) -> Seen:
    def trimmed(asked: CallModelData[Any]) -> ModelInputData:
        last: Any = {**asked.model_data.input[-1], "content": "trimmed"}
        return ModelInputData(input=[last], instructions="Be brief.")

    return await _two_turns(session, run, call_model_input_filter=trimmed)


async def _two_turns(session: Session, run: Run, **config: Any) -> Seen:
    model = ScriptedModel([[say("One.", "m1")], [say("Two.", "m2")]])
    for question in ("1?", "2?"):
        await run(agent(model), question, session=session, run_config=RunConfig(**config))
    return shown(model)


async def reasoning_ids_omitted(session: Session, run: Run) -> Seen:
    return await _reasoned(session, run, "omit")


async def reasoning_ids_preserved(session: Session, run: Run) -> Seen:
    return await _reasoned(session, run, "preserve")


async def _reasoned(session: Session, run: Run, policy: ReasoningItemIdPolicy) -> Seen:
    def thought(item_id: str) -> ResponseReasoningItem:
        return ResponseReasoningItem(id=item_id, type="reasoning", summary=[])

    earlier: Any = {"id": "rs_0", "type": "reasoning", "summary": []}
    await session.add_items([earlier])
    model = ScriptedModel(
        [[thought("rs_1"), ask("Bern", "c1")], [thought("rs_2"), say("It is warm.")]]
    )
    config = RunConfig(reasoning_item_id_policy=policy)
    await run(agent(model, weather), "How is Bern?", session=session, run_config=config)
    return shown(model)


async def limit_of_the_run(session: Session, run: Run) -> Seen:
    return await _limited(session, run, SessionSettings(limit=2))


async def limit_zero(session: Session, run: Run) -> Seen:
    return await _limited(session, run, SessionSettings(limit=0))


async def limit_of_the_session(session: Session, run: Run) -> Seen:
    return await _limited(session, run, None, default=2)


async def limit_of_the_run_over_the_sessions(session: Session, run: Run) -> Seen:
    return await _limited(session, run, SessionSettings(limit=5), default=2)


async def no_limit_of_the_run_over_the_sessions(session: Session, run: Run) -> Seen:
    return await _limited(session, run, SessionSettings(), default=2)


async def _limited(
    session: Session, run: Run, of_the_run: SessionSettings | None, default: int | None = None
) -> Seen:
    """Three turns in full, then two with limits; the last item before them is a tool's output."""
    await several_turns(session, run)
    session.session_settings = SessionSettings(limit=default)
    model = ScriptedModel([[ask("Rome", "c8")], [say("Warm.", "m8")], [say("Done.", "m9")]])
    config = RunConfig(session_settings=of_the_run)
    for question in ("And?", "So?"):
        await run(agent(model, weather), question, session=session, run_config=config)
    session.session_settings = SessionSettings()
    return shown(model)


_LIMITED: Final = (*THREE_TURNS, "user", *CALL, "message", "user", "message")
_TWO_TURNS: Final = ("user", "message") * 2

SCENARIOS: Final[dict[Scenario, tuple[str, ...]]] = {
    input_callback: _TWO_TURNS,
    input_callback_that_waits_and_adds: ("user", "developer", "message", "user", "message"),
    input_callback_that_drops_the_input: ("user", "message", "message"),
    input_callback_that_is_refused: (),
    model_input_filter: _TWO_TURNS,
    reasoning_ids_omitted: ("reasoning", "user", "reasoning", *CALL, "reasoning", "message"),
    reasoning_ids_preserved: ("reasoning", "user", "reasoning", *CALL, "reasoning", "message"),
    limit_of_the_run: _LIMITED,
    limit_zero: _LIMITED,
    limit_of_the_session: _LIMITED,
    limit_of_the_run_over_the_sessions: _LIMITED,
    no_limit_of_the_run_over_the_sessions: _LIMITED,
}
