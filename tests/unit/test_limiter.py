"""ByteLimiter: a bound on what waits to be written."""

import os
import signal

import pytest

from eventlog.limiter import MAX_WAITING_BYTES, ByteLimiter


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
async def test_a_child_process_has_all_the_room() -> None:
    """What its parent was writing never leaves it, and its lock may have been held."""
    limiter = ByteLimiter()
    await limiter.enter(MAX_WAITING_BYTES)
    with limiter._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            fits = limiter._fits(MAX_WAITING_BYTES) and not limiter._lock.locked()
            os._exit(0 if fits else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
