"""The parts of a check go on together where another process reads, and else one after the other.

What is read then is asked for before it is needed.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable

import pytest

from eventlog.verify.log import _in_turn, _together
from eventlog.verify.reading import ahead


class Part:
    """Something to wait for, which notes when it begins and ends."""

    def __init__(self, notes: list[str], name: str, error: Exception | None = None) -> None:
        self._notes = notes
        self._name = name
        self._error = error

    async def go(self, until: Awaitable[object] | None = None) -> int:
        self._notes.append(f"{self._name} begins")
        try:
            if until is not None:
                await until
            if self._error is not None:
                raise self._error
        except asyncio.CancelledError:
            for _ in range(5):
                await asyncio.sleep(0)  # It gives back what it had borrowed.
            self._notes.append(f"{self._name} is cancelled")
            raise
        self._notes.append(f"{self._name} ends")
        return 7


async def test_one_part_goes_on_while_the_other_waits() -> None:
    notes: list[str] = []
    begun = asyncio.Event()

    async def second() -> None:
        begun.set()
        await Part(notes, "second").go()

    assert await _together(lambda: Part(notes, "first").go(begun.wait()), second) == 7
    assert notes == ["first begins", "second begins", "second ends", "first ends"]


async def test_one_part_follows_the_other() -> None:
    notes: list[str] = []

    async def second() -> None:
        await Part(notes, "second").go()

    assert await _in_turn(lambda: Part(notes, "first").go(asyncio.sleep(0)), second) == 7
    assert notes == ["first begins", "first ends", "second begins", "second ends"]


async def test_a_part_that_fails_ends_the_other_and_is_told() -> None:
    notes: list[str] = []
    never = asyncio.get_running_loop().create_future()
    failing = Part(notes, "first", ValueError("bad"))

    async def second() -> None:
        await Part(notes, "second").go(never)

    with pytest.raises(ValueError, match="bad"):
        await _together(lambda: failing.go(asyncio.sleep(0)), second)
    assert notes == ["first begins", "second begins", "second is cancelled"]


async def test_the_failure_of_the_second_part_ends_the_first_and_is_told() -> None:
    notes: list[str] = []
    never = asyncio.get_running_loop().create_future()

    async def second() -> None:
        await Part(notes, "second", ValueError("worse")).go()

    with pytest.raises(ValueError, match="worse"):
        await _together(lambda: Part(notes, "first").go(never), second)
    assert notes == ["first begins", "second begins", "first is cancelled"]
    with pytest.raises(ValueError, match="worse"):
        await _in_turn(lambda: Part(notes, "first").go(), second)


class Source:
    """Pages 1 to 3, each of which takes a turn of the loop; notes what it was asked for."""

    def __init__(self, notes: list[str], error: Exception | None = None) -> None:
        self._notes = notes
        self._error = error

    async def pages(self) -> AsyncGenerator[int]:
        try:
            for page in (1, 2, 3):
                self._notes.append(f"{page} is asked for")
                await asyncio.sleep(0)
                if page == 2 and self._error is not None:
                    raise self._error
                yield page
        finally:
            self._notes.append("closed")


async def test_the_next_page_is_asked_for_before_one_is_used() -> None:
    """And no further one."""
    notes: list[str] = []
    seen = [[page, *notes] async for page in ahead(Source(notes).pages())]
    asked = [f"{page} is asked for" for page in (1, 2, 3)]
    assert seen == [[1, *asked[:2]], [2, *asked], [3, *asked, "closed"]]


async def test_who_stops_early_leaves_nothing_behind() -> None:
    notes: list[str] = []
    async with contextlib.aclosing(ahead(Source(notes).pages())) as pages:
        assert await anext(pages) == 1
    assert notes == ["1 is asked for", "2 is asked for", "closed"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_page_that_cannot_be_read_is_told_behind_those_before() -> None:
    notes: list[str] = []
    pages = ahead(Source(notes, ValueError("gone")).pages())
    assert await anext(pages) == 1
    with pytest.raises(ValueError, match="gone"):
        await anext(pages)
    assert notes[-1] == "closed"
