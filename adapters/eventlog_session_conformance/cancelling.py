"""A caller that is cancelled: its change happened or it did not, and nothing follows."""

# ruff: noqa: D401 - the docstring of a case is its promise

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from agents import Session

from eventlog_session_conformance.case import (
    Bench,
    BrokenPromiseError,
    Collection,
    error_of,
    expect,
    expect_one_of,
    said,
)
from eventlog_session_conformance.together import batch, expect_whole_batches

case: Final = Collection()

_MOMENTS: Final = (0, 1, 2, 5, 15, 50, 200)
"""After how many steps of the loop a call is cancelled, unless it is over by then."""

_AWAIT_MUTATION: Final = "memory/session.py:21"

_AFTERWARDS: Final = "afterwards"


def _before() -> list[Any]:
    return [said(1), said(2)]


@case(_AWAIT_MUTATION)
async def a_cancelled_add_is_settled(it: Bench) -> None:
    """All of the batch is there or nothing, and it is decided when the caller hears of it."""
    added = [*_before(), said(3), said(4)]
    await _cancel_at_each_moment(it, lambda it: it.add_items([said(3), said(4)]), added)


@case(_AWAIT_MUTATION)
async def a_cancelled_pop_is_settled(it: Bench) -> None:
    """One item is gone or none, and it is decided when the caller hears of it."""
    await _cancel_at_each_moment(it, lambda it: it.pop_item(), _before()[:1])


@case(_AWAIT_MUTATION)
async def a_cancelled_clear_is_settled(it: Bench) -> None:
    """Everything is gone or nothing, and it is decided when the caller hears of it."""
    await _cancel_at_each_moment(it, lambda it: it.clear_session(), [])


async def _cancel_at_each_moment(
    it: Bench, call: Callable[[Session], Awaitable[Any]], after: list[Any]
) -> None:
    session = await it.session()
    for moment in _MOMENTS:
        for repeatedly in (False, True):
            await session.clear_session()
            await session.add_items(_before())
            await _cancelled(call(session), moment, repeatedly=repeatedly)
            when = f"cancelled {'again and again ' * repeatedly}after {moment} steps"
            settled = await session.get_items()
            expect_one_of(settled, [_before(), after], f"what a call left that was {when}")
            await session.add_items([said(_AFTERWARDS)])
            expect(
                await session.get_items(),
                [*settled, said(_AFTERWARDS)],
                f"what came after a call {when}",
            )


async def _cancelled(call: Awaitable[Any], moment: int, *, repeatedly: bool) -> None:
    task = asyncio.ensure_future(call)
    for _ in range(moment):
        if task.done():
            break
        await asyncio.sleep(0)
    if task.done():
        task.result()
        return
    task.cancel()
    while repeatedly and not task.done():
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        came = task.exception() or "a result, and no word of the cancellation"
        raise BrokenPromiseError("a cancelled call", "CancelledError", repr(came))


@case(_AWAIT_MUTATION)
async def a_cancelled_add_of_many_items_is_settled(it: Bench) -> None:
    """Also where it takes so long that a read would overtake it."""
    session = await it.session()
    many = [said(n) for n in range(800)]
    outcomes = [[_before()[-1:], 2, 3], [many[-1:], 802, 803]]
    for moment in _MOMENTS:
        await session.clear_session()
        await session.add_items(_before())
        await _cancelled(session.add_items(many), moment, repeatedly=False)
        last, count = await session.get_items(1), len(await session.get_items())
        await session.add_items([said(_AFTERWARDS)])
        seen = [last, count, len(await session.get_items())]
        what = f"the last item, the number of items and later, cancelled after {moment} steps"
        expect_one_of(seen, outcomes, what)


@case(_AWAIT_MUTATION)
async def a_cancelled_add_behind_others_is_settled(it: Bench) -> None:
    """Also where it has to wait for others: it never comes after its caller heard that it ended."""
    session = await it.session()
    for moment in _MOMENTS:
        await session.clear_session()
        others = [asyncio.ensure_future(session.add_items(batch(n, 0))) for n in range(5)]
        await _cancelled(session.add_items(batch(8, 0)), moment, repeatedly=False)
        when = f"cancelled after {moment} steps, behind five others"
        settled = expect_whole_batches(await session.get_items(), f"batches beside one {when}")
        await asyncio.gather(*others)
        later = expect_whole_batches(await session.get_items(), f"batches beside one {when}")
        expect((8, 0) in later, (8, 0) in settled, f"whether the batch is there that was {when}")


@case(_AWAIT_MUTATION)
async def a_cancelled_read_leaves_the_session_usable(it: Bench) -> None:
    """A read changes nothing, so it may end at once; it takes no connection or lock with it."""
    session = await it.session()
    await session.add_items(_before())
    for moment in _MOMENTS:
        for _ in range(3):
            await _cancelled(session.get_items(), moment, repeatedly=True)
    expect(await session.get_items(), _before(), "get_items() after reads that were cancelled")
    await session.add_items([said(3)])
    expect(await session.pop_item(), said(3), "pop_item() after reads that were cancelled")


@case("session-persistence.md: cancellation must not strand locks")
async def a_cancelled_caller_stops_nobody_else(it: Bench) -> None:
    """Of several that add at once some are cancelled: the others' batches are there, and whole."""
    session = await it.session()
    expected: list[tuple[int, int]] = []
    for round_, moment in enumerate(_MOMENTS):
        adding = [asyncio.ensure_future(session.add_items(batch(n, round_))) for n in range(4)]
        for _ in range(moment):
            await asyncio.sleep(0)
        for task in adding[::2]:
            task.cancel()
        for task in adding[1::2]:
            error = await error_of(task)
            expect(error and repr(error), None, "the error of an add beside one that was cancelled")
        await asyncio.wait(adding)
        expected += [(1, round_), (3, round_)]
    stored = expect_whole_batches(await session.get_items(), "batches beside cancelled ones")
    expect(
        [each for each in sorted(stored) if each[0] % 2], sorted(expected), "the others' batches"
    )
