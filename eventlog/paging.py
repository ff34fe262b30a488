"""Iterating over what is read a page at a time.

A class and not an async generator: `Runner.run_sync` shuts the loop's generators down after each
run and goes on using the loop, where asyncio then warns of every generator that begins.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")

PAGE: Final = 1000
"""How many rows one call reads at most."""


class Paged(Generic[T]):
    """Yields what `page(last)` returns, called again behind the last one until a page is short.

    The first call gets None. A page holds at most `size`, or PAGE.
    """

    def __init__(
        self, page: Callable[[T | None], Awaitable[Sequence[T]]], size: int | None = None
    ) -> None:
        self._page = page
        self._size = PAGE if size is None else size
        self._last: T | None = None
        self._ahead: deque[T] = deque()
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if not self._ahead:
            await self._turn()
        if not self._ahead:
            raise StopAsyncIteration
        return self._ahead.popleft()

    async def all(self) -> list[T]:
        """Return what is left, as a list."""
        found: list[T] = []
        while not self._ended or self._ahead:
            found += self._ahead
            self._ahead.clear()
            await self._turn()
        return found

    async def _turn(self) -> None:
        if self._ended:
            return
        page = await self._page(self._last)
        self._ended = len(page) < self._size
        self._last = page[-1] if page else None
        self._ahead.extend(page)
