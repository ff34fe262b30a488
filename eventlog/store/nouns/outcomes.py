"""What came of a change, decided from what is known of it; without any database.

The first line that fits decides:

    what is known                                              the change is
    1  the database refused it, or it was never sent           not stored: that error
    2  no answer came, and it is there                         stored
    3  no answer came, it is not there, and it runs no more    not stored: why no answer came
    4  no answer came, and nobody can tell more                in doubt: InDoubtError

Rule: a store raises UnansweredError for the last three only, and it gets no further than here.
"""

import contextlib
from collections.abc import Awaitable, Callable, Generator
from typing import Final, TypeVar

from eventlog.errors import InDoubtError, StoreError
from eventlog.store.nouns.concerned import concerning

_T = TypeVar("_T")

APPEND_AGAIN: Final = (
    "Append again with the same event_id, which answers once for all; without one, read the"
    " conversation first."
)
CALL_AGAIN: Final = "Call again: what is done already stays done, once."

Ends = Callable[[], Awaitable[bool]]


class UnansweredError(Exception):
    """A change was sent, and its answer did not come; `error` says why."""

    def __init__(self, error: StoreError, ends: Ends, *, is_cut: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.is_cut = is_cut
        """Whether the connection broke: the next one is new."""
        self._ends = ends
        self._is_over = False

    async def ends(self) -> bool:
        """See to it that the change does not run any more; tell whether that is sure.

        Raises StoreError where nobody can be asked.
        """
        self._is_over = self._is_over or await self._ends()
        return self._is_over

    def after(self, earlier: "UnansweredError | None") -> "UnansweredError":
        """Return one that stands for both sendings of one change."""
        if earlier is None:
            return self

        async def ends() -> bool:
            return await earlier.ends() and await self.ends()

        return UnansweredError(self.error, ends, is_cut=self.is_cut)

    @contextlib.contextmanager
    def known_no_better(self) -> Generator[None]:
        """Send the change again; whatever fails now tells nothing of the first sending."""
        try:
            yield
        except UnansweredError as lost:
            raise lost.after(self) from lost.error
        except Exception as error:
            raise self from error

    @property
    def not_stored(self) -> StoreError:
        """Why no answer came, of a change that is known not to be stored.

        Another one each time: several that were sent together hear of the same loss.
        """
        return self.error.saying(f"{self.error} Nothing was stored.")

    def in_doubt(self, stream: str, what: str, advice: str) -> InDoubtError:
        """Return what whoever made the change is told."""
        return InDoubtError(stream, what, str(self.error), advice)


@contextlib.contextmanager
def answered() -> Generator[None]:
    """Tell why no answer came, where it is nobody's change that may have been stored."""
    try:
        yield
    except UnansweredError as lost:
        raise lost.error from lost.error.__cause__


async def find_out(
    lost: UnansweredError,
    look: Callable[[], Awaitable[_T | None]],
    *,
    stream: str,
    what: str,
    advice: str,
    error: Exception | None = None,
) -> _T:
    """Return what came of an unanswered change, which `look` reads; None: it is not there.

    Raises `error`, or why no answer came, if it is not stored and never will be; or InDoubtError.
    """
    try:
        is_over = await lost.ends()
        found = await look()
    except StoreError:
        is_over, found = False, None
    if found is not None:
        return found
    if is_over:
        raise error or lost.not_stored
    raise lost.in_doubt(stream, what, advice) from lost.error.__cause__


async def settled(
    change: Awaitable[_T],
    look: Callable[[], Awaitable[_T | None]],
    *,
    stream: str,
    what: str,
    advice: str = CALL_AGAIN,
) -> _T:
    """Return what a change returns, also if its answer was lost; errors as `find_out`.

    They name the conversation.
    """
    with concerning(stream):
        try:
            return await change
        except UnansweredError as lost:
            return await find_out(lost, look, stream=stream, what=what, advice=advice)
