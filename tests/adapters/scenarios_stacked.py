"""Runs on the SDK's own sessions that stand on another: compaction, encryption, and both."""

from collections.abc import Callable
from typing import Any, Final

from agents import Session, SessionSettings
from agents.testing import ScriptedModel

from eventlog_session_conformance.agent import Fallible, Run, agent, lost, say, weather
from eventlog_session_conformance.agent import ask_weather as ask
from eventlog_session_conformance.case import error_of
from eventlog_session_conformance.stacking import Compactor, compacting, encrypted, new_key
from tests.adapters.scenarios import CALL, THREE_TURNS, Scenario, Seen, several_turns, shown

_KEY: Final = new_key()


async def _compacted(session: Session, run: Run, **options: Any) -> Seen:
    """Five turns, two of which use a tool: a compaction is due after each fourth item."""
    compactor = Compactor()
    compact = compacting(session, compactor, should_trigger_compaction=_four_items, **options)
    return [*await _five_turns(compact, run), compactor.asked, await compact.get_items()]


def _four_items(asked: dict[str, Any]) -> bool:
    return len(asked["session_items"]) >= 4


async def _five_turns(session: Any, run: Run) -> Seen:
    script = [
        [say("One.", "m1")],
        [ask("Bern", "c2")],
        [say("Two.", "m2")],
        [say("Three.", "m3")],
        [ask("Rome", "c4")],
        [say("Four.", "m4")],
        [say("Five.", "m5")],
    ]
    model = ScriptedModel(script)
    helper = agent(model, weather)
    for question in ("1?", "2?", "3?", "4?", "5?"):
        await run(helper, question, session=session)
    return [shown(model)]


async def compaction_auto(session: Session, run: Run) -> Seen:
    return await _compacted(session, run, compaction_mode="auto")


async def compaction_of_the_input(session: Session, run: Run) -> Seen:
    return await _compacted(session, run, compaction_mode="input")


async def compaction_of_the_response(session: Session, run: Run) -> Seen:
    return await _compacted(session, run, compaction_mode="previous_response_id")


async def compaction_with_a_bound(session: Session, run: Run) -> Seen:
    return await _compacted(session, run, compaction_mode="input", max_rollback_items=50)


async def compaction_behind_a_limit(session: Session, run: Run) -> Seen:
    """What the model was given is compacted, and what is before it stays."""
    return await _limited(session, run, compaction_mode="input")


async def compaction_of_the_response_behind_a_limit(session: Session, run: Run) -> Seen:
    """The response may stand for more than the model was given: nothing is compacted."""
    return await _limited(session, run, compaction_mode="previous_response_id")


async def _limited(session: Session, run: Run, **options: Any) -> Seen:
    await several_turns(session, run)
    session.session_settings = SessionSettings(limit=3)
    seen = await _compacted(session, run, **options)
    session.session_settings = SessionSettings()
    return seen


async def compaction_by_hand(session: Session, run: Run) -> Seen:
    """Between two turns, and popped afterwards."""
    compactor = Compactor()
    compact = compacting(session, compactor, should_trigger_compaction=lambda _: False)
    await several_turns(compact, run)
    await compact.run_compaction({"force": True})
    seen = await several_turns(compact, run)
    return [seen, await compact.pop_item(), compactor.asked, await compact.get_items()]


async def compaction_that_fails(session: Session, run: Run) -> Seen:
    """Its add fails, before anything is stored and after: everything is put back."""
    await several_turns(session, run)
    seen: Seen = []
    for when in ("before", "after"):
        front = Fallible(session, lost)
        front.when = when
        error = await error_of(compacting(front, Compactor()).run_compaction({"force": True}))
        seen += [repr(error), await session.get_items()]
    return seen


async def encryption(session: Session, run: Run) -> Seen:
    sealed = encrypted(session, _KEY)
    seen = await several_turns(sealed, run)
    return [seen, await sealed.get_items(), await sealed.get_items(3)]


async def encryption_over_compaction(session: Session, run: Run) -> Seen:
    return await _both(
        session,
        run,
        lambda compactor: encrypted(
            compacting(session, compactor, should_trigger_compaction=_four_items), _KEY
        ),
    )


async def compaction_over_encryption(session: Session, run: Run) -> Seen:
    return await _both(
        session,
        run,
        lambda compactor: compacting(
            encrypted(session, _KEY), compactor, should_trigger_compaction=_four_items
        ),
    )


async def _both(session: Session, run: Run, stacked: Callable[[Compactor], Any]) -> Seen:
    compactor = Compactor()
    both = stacked(compactor)
    seen = await _five_turns(both, run)
    await both.run_compaction({"force": True, "compaction_mode": "input"})
    return [seen, compactor.asked, await both.get_items()]


_LAST_TURN: Final = ("compaction", "user", "message")
_FIVE_TURNS: Final = (*THREE_TURNS, "user", *CALL, "message", "user", "message")
_SEALED: Final = ("None",)

SCENARIOS: Final[dict[Scenario, tuple[str, ...]]] = {
    compaction_auto: _LAST_TURN,
    compaction_of_the_input: _LAST_TURN,
    compaction_of_the_response: _LAST_TURN,
    compaction_with_a_bound: _LAST_TURN,
    compaction_behind_a_limit: (*THREE_TURNS, "compaction", *_LAST_TURN),
    compaction_of_the_response_behind_a_limit: (*THREE_TURNS, *_FIVE_TURNS),
    compaction_by_hand: ("compaction", *THREE_TURNS[:-1]),
    compaction_that_fails: THREE_TURNS,
    encryption: _SEALED * len(THREE_TURNS),
    encryption_over_compaction: _SEALED,
    compaction_over_encryption: _SEALED,
}

REPLACED_AT_ONCE: Final = {compaction_by_hand, encryption_over_compaction}
"""Where our session replaces the list in one call that SQLiteSession does not have."""
