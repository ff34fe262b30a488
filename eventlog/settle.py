"""Awaiting a mutation to its end, whatever happens to the caller meanwhile."""

import asyncio
from typing import Any, TypeVar

_T = TypeVar("_T")


class Mutation(asyncio.Future[_T]):
    """A future that its awaiter's cancellation does not cancel.

    A task that is cancelled while it waits goes on waiting, and is cancelled when the mutation is
    done: `settle` without the cost of a task.
    """

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002
        """Refuse: what was started comes to its end."""
        return False

    def set_exception(self, exception: type | BaseException, /) -> None:
        """Fail; seen at once, since a cancelled awaiter hears only of its cancellation."""
        super().set_exception(exception)
        self.exception()


async def settle(mutation: "asyncio.Future[_T]") -> _T:
    """Wait until `mutation` is done, then report the first cancellation that came in between.

    A caller that was cancelled learns so only after its change has happened or failed, so nothing
    is left half done or half told.
    """
    cancellation: asyncio.CancelledError | None = None
    while not mutation.done():
        try:
            await asyncio.wait((mutation,))
        except asyncio.CancelledError as error:
            cancellation = cancellation or error
    if cancellation is not None:
        if not mutation.cancelled():
            mutation.exception()  # Marks it as seen: the cancellation is what the caller hears of.
        raise cancellation
    return mutation.result()
