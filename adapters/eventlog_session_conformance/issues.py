"""What went wrong in the SDK before, by the number of its issue.

Most of these were faults of the SDK around the session, and are mended in it. They are kept here by
what they ask of a session: each is the scenario of the issue on the session under test.
"""

# ruff: noqa: D401 - the docstring of a case is its promise

import asyncio
import importlib
import unittest
from typing import Any, Final

from agents import ModelRetrySettings, ModelSettings, SessionSettings
from agents.testing import ModelStep, ScriptedModel

from eventlog_session_conformance.agent import (
    Fallible,
    agent,
    approve,
    kinds,
    lost,
    pause,
    run,
    say,
    stream,
)
from eventlog_session_conformance.case import (
    Bench,
    Collection,
    contents,
    error_of,
    expect,
    expect_error,
    said,
)
from eventlog_session_conformance.stacking import (
    SUMMARY,
    Compactor,
    always,
    compacting,
    encrypted,
    new_key,
)

case: Final = Collection()


async def _rewind(session: Any, items: list[Any]) -> None:
    try:
        persistence: Any = importlib.import_module("agents.run_internal.session_persistence")
        rewind = persistence.rewind_session_items
    except (ImportError, AttributeError) as error:
        raise unittest.SkipTest(f"this SDK rewinds in another way: {error}") from error
    await rewind(session, items)


@case("issue 3089")
async def issue_3089_a_rewind_pops_nothing_of_others(it: Bench) -> None:
    """A retry takes back its own items and leaves what somebody else added behind them."""
    session = await it.session()
    await session.add_items([said("old"), said("mine"), said("of somebody else")])
    await _rewind(session, [said("mine")])
    expected = ["old", "mine", "of somebody else"]
    expect(contents(await session.get_items()), expected, "after a rewind of what is not the end")
    retried = [said("retried"), said("retried too")]
    await session.add_items(retried)
    await _rewind(session, retried)
    expect(contents(await session.get_items()), expected, "after a rewind of the last two items")


@case("issue 3116")
async def issue_3116_a_compaction_that_fails_restores_the_history(it: Bench) -> None:
    """It cleared, and its add failed: every item is back, as it was."""
    session = await it.session()
    items: list[Any] = [said("é\x00"), {"id": "msg_1", "type": "unknown", "x": [None]}, said("")]
    await session.add_items(items)
    front = Fallible(session, lost)
    for front.when in ("before", "after"):
        compaction = compacting(front, Compactor()).run_compaction({"force": True})
        await expect_error(compaction, OSError, f"a compaction whose add failed {front.when} it")
        expect(await session.get_items(), items, "get_items() after a compaction that failed")


@case("issue 3852")
async def issue_3852_a_retried_model_call_keeps_the_question(it: Bench) -> None:
    """A streamed run whose model failed once stores the question once, and the answer."""
    for each in (run, stream):
        session = await it.session(f"-{each.__name__}")
        await session.add_items([said("Before")])
        model = ScriptedModel([ModelStep.raise_error(OSError("once")), [say("Hello.", "m1")]])
        retry = ModelRetrySettings(
            max_retries=1, policy=always, backoff={"initial_delay": 0, "jitter": False}
        )
        settings = ModelSettings(retry=retry)
        await each(agent(model, model_settings=settings), "Hi", session=session)
        expect(kinds(await session.get_items()), ["user", "user", "message"], "what was stored")


@case("issue 4615")
async def issue_4615_a_failed_append_is_repeated_on_resume(it: Bench) -> None:
    """The output of an approved tool whose append failed is stored by the retry; it ran once."""
    await _append_failed(it, "before")


@case("issue 4615")
async def issue_4615_an_append_whose_answer_was_lost_is_not_repeated(it: Bench) -> None:
    """It was stored, though the run heard otherwise: the retry finds it and adds nothing twice."""
    await _append_failed(it, "after")


async def _append_failed(it: Bench, when: Any) -> None:
    session = await it.session()
    await session.add_items([said("Before"), said("Before")])
    state = await pause(session)
    front = Fallible(session, lost)
    front.when = when
    charged: list[int] = []
    first = await approve(state, front, charged)
    await expect_error(first.resume(), OSError, f"a run whose append failed {when} it")
    again = await it.session() if it.options.shared else session
    await (await first.stored_and_restored(again)).resume()
    expect(charged, [7], "how often the approved tool was used")
    expected = ["user", "user", "user", "function_call", "function_call_output", "message"]
    expect(kinds(await again.get_items()), expected, f"what was stored (failed {when} the append)")


@case("issue 4988")
async def issue_4988_concurrent_pops_never_return_one_item_twice(it: Bench) -> None:
    """Two that pop at once get the last item and the one before it; nothing is left over."""
    session = await it.session()
    others = [await it.session(), await it.session()] if it.options.shared else [session, session]
    for _ in range(4):
        await session.add_items([said("old"), said("new")])
        popped: list[Any] = await asyncio.gather(*[other.pop_item() for other in others])
        expect(sorted(contents([item for item in popped if item])), ["new", "old"], "two pops")
        expect(await session.get_items(), [], "what two pops of two items left")


@case("issue 5005", "survives_a_wrong_key")
async def issue_5005_pop_with_a_wrong_key_destroys_nothing(it: Bench) -> None:
    """With the wrong key a pop may fail or find nothing; with the right one all is readable again.

    A session passes if the items are still there, or if Options.recover brings them back.
    """
    session = await it.session()
    right = new_key()
    items = [said("Fully"), said("readable")]
    await encrypted(session, right).add_items(items)
    error = await error_of(encrypted(session, new_key()).pop_item())
    left = await encrypted(session, right).get_items()
    if it.options.recover is not None and left != items:
        restored = await it.session("-restored")
        await restored.add_items(await it.options.recover(session))
        left = await encrypted(restored, right, session.session_id).get_items()
    what = "refused" if error else "answered"
    expect(left, items, f"what the right key reads after a pop with a wrong one that was {what}")


@case("issue 5010")
async def issue_5010_a_default_limit_hides_nothing_from_a_rollback(it: Bench) -> None:
    """A compaction that fails on a session with a default limit restores what is beyond it too."""
    session = await it.session()
    await session.add_items([said(n) for n in range(8)])
    session.session_settings = SessionSettings(limit=3)
    front = Fallible(session, lost)
    front.when = "before"
    await error_of(compacting(front, Compactor()).run_compaction({"force": True}))
    kept = contents(await session.get_items(2_147_483_647))
    expect(kept, list(range(8)), "everything, after a compaction that failed")


@case("issue 5010")
async def issue_5010_an_automatic_compaction_keeps_what_the_model_never_saw(it: Bench) -> None:
    """A run behind a limit compacts what the model was given, or nothing; the rest stays."""
    session = await it.session()
    unseen = [said(n) for n in range(4)]
    await session.add_items(unseen)
    session.session_settings = SessionSettings(limit=2)
    compact = compacting(session, Compactor())
    await run(agent(ScriptedModel([[say("Yes.", "m1")]])), "Now?", session=compact)
    kept: Any = await session.get_items(2_147_483_647)
    expect(kept[:2], unseen[:2], "the items before those that the model was given")


@case("issue 5010", "recover")
async def issue_5010_a_compaction_can_be_undone(it: Bench) -> None:
    """What a compaction replaced, seen by its model or not, can still be had (Options.recover)."""
    session = await it.session()
    items = [said(n) for n in range(8)]
    await session.add_items(items)
    session.session_settings = SessionSettings(limit=3)
    await compacting(session, Compactor()).run_compaction({"force": True})
    recover: Any = it.options.recover
    recovered = await recover(session)
    expect(recovered[:8], items, "what can be had of the replaced items")
    expect(await session.get_items(), [SUMMARY], "what is shown")
