"""What waits to be written is bounded, whoever waits."""

import asyncio

import pytest

from eventlog.limiter import ByteLimiter
from tests.waiting import PATIENCE


async def test_bytes_come_in_up_to_the_limit_and_the_rest_waits_in_order() -> None:
    """Nobody overtakes, and leaving lets in who fits."""
    limiter = ByteLimiter(limit=10)
    order: list[int] = []

    async def pass_through(number: int, size: int) -> None:
        await limiter.enter(size)
        order.append(number)

    await pass_through(0, 8)
    waiting = [asyncio.ensure_future(pass_through(number, 4)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    assert order == [0]
    limiter.leave(8)
    await asyncio.gather(*waiting[:2])
    assert order == [0, 1, 2]
    limiter.leave(4)
    await waiting[2]
    assert order == [0, 1, 2, 3]


async def test_a_request_larger_than_the_limit_goes_alone() -> None:
    """It would wait for ever otherwise."""
    limiter = ByteLimiter(limit=10)
    await limiter.enter(100)
    small = asyncio.ensure_future(limiter.enter(1))
    await asyncio.sleep(0)
    assert not small.done()
    limiter.leave(100)
    await small


@pytest.mark.parametrize("woken", [False, True])
async def test_whoever_gives_up_takes_no_room(*, woken: bool) -> None:
    """Cancelled while waiting, or just as it was let in."""
    limiter = ByteLimiter(limit=10)
    await limiter.enter(10)
    impatient = asyncio.ensure_future(limiter.enter(10))
    patient = asyncio.ensure_future(limiter.enter(10))
    await asyncio.sleep(0)
    if woken:
        limiter.leave(10)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    if not woken:
        limiter.leave(10)
    await asyncio.wait_for(patient, PATIENCE)


def test_a_loop_that_ended_while_waiting_holds_nobody_up() -> None:
    """Its place is given to the next."""
    limiter = ByteLimiter(limit=10)
    asyncio.run(limiter.enter(10))

    gone = asyncio.new_event_loop()
    task = gone.create_task(limiter.enter(5))
    gone.run_until_complete(asyncio.sleep(0))
    gone.close()
    limiter.leave(10)
    asyncio.run(asyncio.wait_for(limiter.enter(10), PATIENCE))
    task._log_destroy_pending = False  # type: ignore[attr-defined]
