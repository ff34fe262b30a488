"""PerLoop: one value for each event loop."""

import asyncio
import os
import signal
import threading

import pytest

from eventlog.loops import PerLoop


def test_a_loop_gets_the_value_that_it_made_first() -> None:
    """The second call makes nothing."""
    values: PerLoop[object] = PerLoop()

    async def use() -> None:
        assert values.peek() is None
        made = values.get(object)
        assert values.get(object) is made is values.peek()
        assert values.values() == (made,)

    asyncio.run(use())


def test_every_loop_has_its_own_value() -> None:
    """Also loops of many threads at once."""
    values: PerLoop[object] = PerLoop()
    together, found = threading.Barrier(8), list[object]()

    async def use() -> None:
        together.wait()
        value = values.get(object)
        together.wait()
        assert values.get(object) is value
        found.append(value)

    threads = [threading.Thread(target=asyncio.run, args=(use(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8


def test_values_of_closed_loops_are_dropped() -> None:
    """When the next loop comes."""
    values: PerLoop[list[int]] = PerLoop()

    async def use() -> int:
        values.get(list)
        return len(values.values())

    assert [asyncio.run(use()) for _ in range(3)] == [1, 1, 1]


async def test_popping_takes_the_value_of_this_loop_only() -> None:
    """Once."""
    values: PerLoop[str] = PerLoop()

    async def other() -> str:
        return values.get(lambda: "other")

    loop = asyncio.new_event_loop()
    await asyncio.to_thread(loop.run_until_complete, other())
    values.get(lambda: "mine")
    assert values.pop() == "mine"
    assert values.pop() is None
    assert values.pop_all() == {loop: "other"}
    assert values.values() == ()
    loop.close()


class Closing:
    """Tells on a pipe that it was finalized."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe

    def __del__(self) -> None:
        os.write(self.pipe, b"closed")


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_process_begins_empty_and_closes_nothing_of_its_parent() -> None:
    """Even if another thread was just adding a value when the parent forked."""
    reader, writer = os.pipe()
    values: PerLoop[Closing] = PerLoop()
    loop = asyncio.new_event_loop()

    async def use() -> None:
        values.get(lambda: Closing(writer))

    loop.run_until_complete(use())
    with values._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            left = len(values.values())
            os._exit(left or int(values.pop_all() != {}))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 10)
    values.pop_all()
    assert os.read(reader, 10) == b"closed"
    loop.close()
