"""One session in several event loops and threads, as Runner.run_sync uses it."""

# ruff: noqa: D401 - the docstring of a case is its promise

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from eventlog_session_conformance.case import Bench, Collection, contents, expect, said
from eventlog_session_conformance.together import batch, expect_whole_batches

case: Final = Collection()

_T = TypeVar("_T")

_RUN_SYNC: Final = "run.py:2559"


def _in_a_thread(*works: Callable[[], Coroutine[Any, Any, _T]]) -> "asyncio.Future[list[_T]]":
    """Do each in a loop of its own, one after the other in one thread."""
    answer: Future[list[_T]] = Future()

    def run() -> None:
        try:
            answer.set_result([asyncio.run(work()) for work in works])
        except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
            answer.set_exception(error)

    # A daemon, since a session that waits for ever in there must not keep the process.
    threading.Thread(target=run, daemon=True).start()
    return asyncio.wrap_future(answer)


@case(_RUN_SYNC, "several_loops")
async def a_session_goes_from_loop_to_loop(it: Bench) -> None:
    """asyncio.run thrice, and each sees what the others did."""
    session = await it.session()

    async def add(n: int) -> int:
        await session.add_items([said(n)])
        return len(await session.get_items())

    counts = await _in_a_thread(lambda: add(0), lambda: add(1), lambda: add(2))
    expect(counts, [1, 2, 3], "the number of items in each loop")
    expect(contents(await session.get_items()), [0, 1, 2], "get_items() in another loop")


@case("tests: run_sync in a worker thread", "several_loops")
async def a_session_may_be_used_beside_its_first_loop(it: Bench) -> None:
    """A loop in another thread uses the session while the first loop goes on."""
    session = await it.session()
    await session.add_items([said("first")])

    async def there() -> Any:
        await asyncio.gather(*[session.add_items([said(n)]) for n in range(3)])
        return len(await session.get_items())

    for round_ in (1, 2):
        expect(await _in_a_thread(there), [6 * round_ - 2], "the number of items in another thread")
        await asyncio.gather(*[session.add_items([said(n)]) for n in range(3)])
        expect(len(await session.get_items()), 6 * round_ + 1, "the number in the first loop")


@case("tests: test_sqlite_session_concurrent_access", "several_loops")
async def five_threads_with_five_loops_lose_nothing(it: Bench) -> None:
    """Each adds two batches at once, twice: all are there, in one piece, in its thread's order."""
    session = await it.session()
    together = threading.Barrier(5)

    async def add(writer: int) -> None:
        together.wait()
        for number in (0, 2):
            at_once = (session.add_items(batch(writer, number + more)) for more in (0, 1))
            await asyncio.gather(*at_once)

    await asyncio.gather(*[_in_a_thread(functools.partial(add, n)) for n in range(5)])
    stored = expect_whole_batches(await session.get_items(), "batches of five threads")
    for writer in range(5):
        numbers = [number for who, number in stored if who == writer]
        expect(sorted(numbers), [0, 1, 2, 3], f"the batches of thread {writer}")
        expect(sorted(numbers[:2]), [0, 1], f"the first two batches of thread {writer}")


@case("memory/sqlite_session.py:487", "several_loops")
async def pops_of_several_threads_take_different_items(it: Bench) -> None:
    """Who pops does not have to know who else does."""
    session = await it.session()
    await session.add_items([said(n) for n in range(9)])

    async def pop() -> list[Any]:
        return list(await asyncio.gather(*[session.pop_item() for _ in range(4)]))

    answers = await asyncio.gather(*[_in_a_thread(pop) for _ in range(3)])
    popped = [item for (items,) in answers for item in items if item is not None]
    expect(sorted(contents(popped)), list(range(9)), "what twelve pops of nine items returned")
