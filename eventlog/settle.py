"""Awaiting a mutation to its end, even if the caller is cancelled meanwhile."""

import asyncio
from typing import Any, TypeVar

_T = TypeVar("_T")


class Mutation(asyncio.Future[_T]):
    """A future that its awaiter's cancellation does not cancel.

    A task that is cancelled while it waits goes on waiting, and is cancelled when the mutation is
    done: `settle` without the cost of a task.
    """

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002
        """Refuse: a mutation that has begun is not interrupted."""
        return False

    def set_exception(self, exception: type | BaseException, /) -> None:
        """Fail, and mark the exception retrieved: a cancelled awaiter never retrieves it."""
        super().set_exception(exception)
        self.exception()


async def settle(mutation: "asyncio.Future[_T]") -> _T:
    """Wait until `mutation` is done, then raise the first cancellation that came meanwhile.

    A cancelled caller goes on only after its change has been made or has failed.
    """
    cancellation: asyncio.CancelledError | None = None
    while not mutation.done():
        try:
            await asyncio.wait((mutation,))
        except asyncio.CancelledError as error:
            cancellation = cancellation or error
    if cancellation is not None:
        if not mutation.cancelled():
            mutation.exception()  # Marks it retrieved: the caller gets the cancellation.
        raise cancellation
    return mutation.result()
