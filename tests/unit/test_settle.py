"""Cancellation never leaves a mutation half told."""

import asyncio

import pytest

from eventlog.settle import Mutation, settle


async def test_cancelling_waits_for_the_end_and_is_told_then() -> None:
    """However often the caller is cancelled, it learns so after the mutation has happened."""
    mutation: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    caller = asyncio.ensure_future(settle(mutation))
    for message in ("first", "second", "third"):
        await asyncio.sleep(0)
        caller.cancel(message)
    await asyncio.sleep(0)
    assert not caller.done()
    mutation.set_result(1)
    with pytest.raises(asyncio.CancelledError, match="first"):
        await caller


async def test_a_failure_after_a_cancellation_is_the_cancellation() -> None:
    """As the SDK's own sessions do it; the failure is not reported a second time."""
    mutation: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    caller = asyncio.ensure_future(settle(mutation))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.sleep(0)
    mutation.set_exception(ValueError("lost"))
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_without_cancellation_the_outcome_comes_through() -> None:
    """A result is a result and an error an error."""
    for outcome in (7, ValueError("no")):
        mutation: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if isinstance(outcome, int):
            mutation.set_result(outcome)
            assert await settle(mutation) == 7
        else:
            mutation.set_exception(outcome)
            with pytest.raises(ValueError, match="no"):
                await settle(mutation)


async def test_a_mutation_keeps_its_awaiter_until_it_is_done() -> None:
    """The task stays in its await through every cancellation, then it is cancelled."""
    mutation: Mutation[int] = Mutation(loop=asyncio.get_running_loop())

    async def wait() -> int:
        return await mutation

    caller = asyncio.ensure_future(wait())
    for _ in range(3):
        await asyncio.sleep(0)
        assert caller.cancel()
        await asyncio.sleep(0)
        assert not caller.done()
    mutation.set_exception(ValueError("lost"))
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_mutation_that_nobody_cancels_gives_its_outcome() -> None:
    """Like any future."""
    done: Mutation[int] = Mutation(loop=asyncio.get_running_loop())
    done.set_result(1)
    failed: Mutation[int] = Mutation(loop=asyncio.get_running_loop())
    failed.set_exception(ValueError("no"))
    assert await done == 1
    with pytest.raises(ValueError, match="no"):
        await failed
