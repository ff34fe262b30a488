"""What is in the feed, or was refused a place in it, although no event has a claim to it."""

from typing import Literal, NamedTuple


class Misplacement(NamedTuple):
    """A position that was given, or asked, for an event which was never there or has one already.

    `position` is 0 for what was only asked, and taken out of the queue again. What a signed head
    covers `stays`: another event there would contradict the head. `tenant` and `stream` are None
    where there is no such stream.
    """

    position: int
    stream_id: bytes
    version: int
    what: Literal["nowhere", "twice", "refused"]
    stays: bool
    tenant: str | None = None
    stream: str | None = None
    branch: str = ""

    @property
    def is_replaced(self) -> bool:
        """Whether another event takes the position."""
        return self.position > 0 and not self.stays

    def __str__(self) -> str:
        if self.stream is None:
            whose = f"stream {self.stream_id.hex()}"
        else:
            of = f" branch {self.branch!r}," if self.branch else ""
            whose = f"conversation {self.stream!r} of tenant {self.tenant!r},{of}"
        return f"{whose} version {self.version}: {self._why}"

    @property
    def _why(self) -> str:
        if self.what == "refused":
            return "asked for a position without a claim to one, and got none"
        why = "was never there" if self.what == "nowhere" else "has another one before"
        then = "a signed head covers it, so it stays" if self.stays else "a record takes its place"
        return f"has position {self.position} and {why}; {then}"
