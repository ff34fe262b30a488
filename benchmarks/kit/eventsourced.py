"""A session on the `eventsourcing` library's SQLite recorder, written as its users would."""

import asyncio
import json
import uuid
from typing import Any, Final

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

ITEMS_OF_AN_EVENT: Final = 2


def recorder(path: str) -> SQLiteApplicationRecorder:
    """Open a recorder on a new file."""
    opened = SQLiteApplicationRecorder(SQLiteDatastore(path))
    opened.create_table()
    return opened


class EventsourcedSession:
    """One aggregate; a batch of items is one event."""

    def __init__(self, path: str) -> None:
        self._recorder = recorder(path)
        self._id = uuid.uuid4()
        self._version = 0

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """Return the items, or the last `limit`."""
        events = None if limit is None else limit // ITEMS_OF_AN_EVENT
        return await asyncio.to_thread(self._read, events)

    async def add_items(self, items: list[Any]) -> None:
        """Store the batch as one event."""
        await self.add_batches([items])

    async def add_batches(self, batches: list[list[Any]]) -> None:
        """Store an event for each batch, in one transaction."""
        first = self._version + 1
        self._version += len(batches)
        events = [
            StoredEvent(self._id, first + number, "added", json.dumps(batch).encode())
            for number, batch in enumerate(batches)
        ]
        await asyncio.to_thread(self._recorder.insert_events, events)

    def close(self) -> None:
        """Close the connections."""
        self._recorder.datastore.close()

    def _read(self, limit: int | None) -> list[Any]:
        found = self._recorder.select_events(self._id, desc=limit is not None, limit=limit)
        ordered = found if limit is None else reversed(found)
        return [item for event in ordered for item in json.loads(event.state)]
