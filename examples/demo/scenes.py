"""The story of the demo, scene by scene."""

import asyncio
import json
from typing import Any, Final, NamedTuple

from agents import Agent, Usage
from rich.console import Console

from eventlog import EventLog
from eventlog.errors import CorruptEventError
from eventlog.events import UsageRecorded
from eventlog_openai_agents import EventLogSession
from examples.demo import pictures, shop, stage
from examples.demo.shop import AFTERWARDS, CUSTOMER, QUESTIONS, SESSION

WHY_POPPED: Final = "vouchers need a human's approval"
WHY_CLEARED: Final = "customer asked for a clean start"


class Moment(NamedTuple):
    """A version that the story comes back to, and the items at that time."""

    version: int
    items: list[Any]


class Moments(NamedTuple):
    """When the agent made its promise, and when the list was longest."""

    promise: Moment
    longest: Moment


def play(console: Console, *, live: bool) -> None:
    """Play the whole story on a new log."""
    moments = asyncio.run(_story(console, shop.hire(live=live)))
    changed = stage.forge(SESSION, moments.promise.version)
    asyncio.run(_read_the_forgery(console, moments.promise.version, changed))
    pictures.commands(console, stage.next_steps(SESSION, moments.longest.version))


async def _story(console: Console, agent: Agent[Any]) -> Moments:
    async with EventLogSession(SESSION, stage.LOG, actor=CUSTOMER) as session:
        moments = await _run(console, agent, session)
        before_clear = await _take_back(console, session)
        await _ask_again(console, agent, session)
        await _show_items(console, session)
        await _show_events(console, session)
        await _show_the_past(console, session, before_clear)
        await _verify(console, session)
    return moments


async def _run(console: Console, agent: Agent[Any], session: EventLogSession) -> Moments:
    pictures.scene(console, "1  An agent runs")
    pictures.code(
        console,
        f'session = EventLogSession("{SESSION}", "{stage.LOG}",',
        f'                          actor="{CUSTOMER}")',
        "await Runner.run(agent, question, session=session)",
    )
    moments = [Moment(0, [])]
    usage = Usage()
    for question in QUESTIONS:
        result = await shop.ask(agent, question, session)
        usage.add(result.context_wrapper.usage)
        moments.append(await _now(session))
        pictures.transcript(console, moments[-1].items[len(moments[-2].items) :])
    calls = f"{usage.requests} calls, {usage.total_tokens} tokens"
    pictures.note(console, f"{len(QUESTIONS)} runs; usage as the model reports it: {calls}")
    return Moments(promise=moments[2], longest=moments[3])


async def _take_back(console: Console, session: EventLogSession) -> Moment:
    """Pop an item and clear the session; return the moment in between."""
    pictures.scene(console, "2  An item is popped, the session is cleared")
    pictures.code(
        console,
        'await session.pop_item(actor="lin",',
        f'                       reason="{WHY_POPPED}")',
    )
    pictures.transcript(console, [await session.pop_item(actor="lin", reason=WHY_POPPED)])
    before = await _now(session)
    pictures.code(
        console,
        'await session.clear(actor="support-bot",',
        f'                    reason="{WHY_CLEARED}")',
    )
    await session.clear(actor="support-bot", reason=WHY_CLEARED)
    return before


async def _ask_again(console: Console, agent: Agent[Any], session: EventLogSession) -> None:
    pictures.code(console, f'await Runner.run(agent, "{AFTERWARDS}", session=session)')
    await shop.ask(agent, AFTERWARDS, session)


async def _show_items(console: Console, session: EventLogSession) -> None:
    items = await session.get_items()
    pictures.scene(console, f"3  The items now: {len(items)}")
    pictures.code(console, "await session.get_items()")
    pictures.transcript(console, items)
    pictures.note(console, "That is all the agent knows. The log knows more.")


async def _show_events(console: Console, session: EventLogSession) -> None:
    events = [event async for event in session.log.read(SESSION)]
    pictures.scene(console, f"4  Every event ever: {len(events)}")
    pictures.code(console, f'async for event in session.log.read("{SESSION}"): ...')
    pictures.timeline(console, events)


async def _show_the_past(console: Console, session: EventLogSession, before: Moment) -> None:
    items = await session.get_items(as_of=before.version)
    pictures.scene(console, f"5  Just before the clear: {len(items)} items")
    pictures.code(console, f"await session.get_items(as_of={before.version})  # or a datetime")
    pictures.transcript(console, items)
    exactly = "Exactly" if json.dumps(items) == json.dumps(before.items) else "NOT"
    pictures.note(console, f"{exactly} what get_items() returned at that time.")


async def _verify(console: Console, session: EventLogSession) -> None:
    pictures.scene(console, "6  Is that what was written?")
    pictures.code(console, "await session.log.verify()")
    pictures.verdict(console, await session.log.verify())


async def _read_the_forgery(console: Console, version: int, changed: str) -> None:
    """Show that the forged copy reads as if nothing had happened, and does not verify."""
    pictures.scene(console, "7  And if somebody changes one byte?")
    pictures.note(
        console,
        f"On a copy, the triggers that forbid it are dropped for a moment. {changed} Now it reads:",
        style="",
    )
    async with EventLog(stage.FORGED) as log:
        await _show_forged_item(console, EventLogSession(SESSION, log=log), version)
        pictures.code(console, "await log.verify()")
        pictures.verdict(console, await log.verify())
    pictures.note(
        console,
        "Not caught: a chain its owner recomputed. That takes a signed head elsewhere.",
        style="yellow",
    )


async def _show_forged_item(console: Console, session: EventLogSession, version: int) -> None:
    try:
        pictures.transcript(console, await session.get_items(1, as_of=version))
    except CorruptEventError as error:
        # A byte of compressed content, as a live model's long answers are.
        pictures.note(console, str(error), style="")


async def _now(session: EventLogSession) -> Moment:
    """Return the version of the last change of the list; what was used stands behind it."""
    events = [event async for event in session.log.read(SESSION)]
    version = max(event.version for event in events if event.kind != UsageRecorded.kind)
    return Moment(version, await session.get_items())
