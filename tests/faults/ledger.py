"""What callers were told of each change, held against what is in the log."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from eventlog import (
    Appended,
    EventLog,
    InDoubtError,
    ItemsAdded,
    NewEvent,
    StoreError,
)


class Ledger:
    """Notes for every item of every conversation: stored at a version, not stored, or in doubt."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, Any], int] = {}
        self.not_stored: dict[tuple[str, Any], StoreError] = {}
        self.in_doubt: dict[tuple[str, Any], InDoubtError] = {}

    async def append(
        self, log: EventLog, stream: str, item: Any, *, event_id: str | None = None
    ) -> Appended | StoreError:
        """Append an item once and note what was told; any other error is not an answer at all."""
        try:
            answer = await log.append(stream, NewEvent(ItemsAdded([item]), event_id=event_id))
        except InDoubtError as error:
            self.in_doubt[stream, item] = error
            return error
        except StoreError as error:
            self.not_stored[stream, item] = error
            return error
        self.stored[stream, item] = answer.first
        return answer

    async def check(self, log: EventLog) -> None:
        """Compare every answer with the log: once and there, not there, or at most once."""
        for (stream, _), doubt in self.in_doubt.items():
            assert all(words in str(doubt) for words in (repr(stream), "in doubt", "event_id"))
        assert not any("in doubt" in str(error) for error in self.not_stored.values())
        found: Counter[tuple[str, Any]] = Counter()
        for stream in {stream for stream, _ in (*self.stored, *self.not_stored, *self.in_doubt)}:
            for event in await log.read(stream).all():
                items: Sequence[Any] = getattr(event.event, "items", [])
                for item in items:
                    found[stream, item] += 1
                    assert self.stored.get((stream, item), event.version) == event.version
        assert [one for one in self.stored if found[one] != 1] == []
        assert [one for one in self.not_stored if found[one]] == []
        assert [one for one in self.in_doubt if found[one] > 1] == []
        assert (await log.verify()).ok
