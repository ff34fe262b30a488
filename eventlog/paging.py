"""What iterates over results: as they come, or a page at a time."""

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")

PAGE: Final = 1000
"""How many rows one call reads at most."""

PAGE_BYTES: Final = 16 * 1024 * 1024
"""How many bytes events of one page hold before it is cut, behind the one that goes beyond."""


class Results(Generic[T]):
    """Iterates once, with `async for`; or `all()` returns what is left as a list.

    Who stops early need not close it; `aclose()` gives back what it holds at once.
    """

    def __init__(self, source: AsyncGenerator[T]) -> None:
        self._source = source

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[T]:
        return self._source.__anext__()

    async def all(self) -> list[T]:
        """Return what is left, as a list."""
        return [one async for one in self]

    async def aclose(self) -> None:
        """End the iteration."""
        await self._source.aclose()


class Paged(Results[T]):
    """Yields what `page(last)` returns, called again behind the last one until a page is short.

    The first call gets None. A page holds at most `size`, or PAGE; where it may be short for
    another reason, `is_last` tells.

    No async generator: `Runner.run_sync` shuts the loop's generators down after each run and goes
    on using the loop, where asyncio then warns of every generator that begins.
    """

    def __init__(
        self,
        page: Callable[[T | None], Awaitable[Sequence[T]]],
        size: int | None = None,
        is_last: Callable[[Sequence[T]], bool] | None = None,
    ) -> None:
        self._page = page
        self._size = PAGE if size is None else size
        self._is_last = is_last or self._is_short
        self._last: T | None = None
        self._ahead: deque[T] = deque()
        self._ended = False

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

    async def aclose(self) -> None:
        """End the iteration."""
        self._ended = True
        self._ahead.clear()

    def _is_short(self, page: Sequence[T]) -> bool:
        return len(page) < self._size

    async def _turn(self) -> None:
        if self._ended:
            return
        page = await self._page(self._last)
        self._ended = self._is_last(page)
        self._last = page[-1] if page else None
        self._ahead.extend(page)
