"""Awaiting a mutation to its end, whatever happens to the caller meanwhile."""

import asyncio
from typing import TypeVar

_T = TypeVar("_T")


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
