"""The contract of erasing: one stream, all at once or not at all."""

from typing import Any, NamedTuple

from eventlog.format.records import Head, StoredEvent


class Erasure(NamedTuple):
    """An erasing event, linked to the head that its stream has to be at."""

    head: Head
    event: StoredEvent
    moved: Head
    only: int | None = None
    """The one version whose content goes; None: all of it, and the keys."""
    name: str = ""
    """What errors call the stream."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the content is left."""
        return self.only is None

    def values(self) -> dict[str, Any]:
        """Return what the statements take."""
        return {
            **self.event._asdict(),
            "of_stream": self.event.stream_id,
            "head_hash": self.moved.hash,
            "head_at": self.moved.at,
            "erased_version": self.moved.version,
            "linked_version": self.head.version,
            "linked_hash": self.head.hash,
            "after": 0 if self.only is None else self.only - 1,
            "until": self.head.version if self.only is None else self.only,
            "is_whole": self.is_whole,
            "kept": self.event.kind,
        }
