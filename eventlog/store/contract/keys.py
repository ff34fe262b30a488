"""The contract of stored data keys: each wrapped by a key that is not in the database."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

NO_KEY: Final = ""
"""The key of a stream whose keys were destroyed: what comes needs a new one."""


class KeyRow(NamedTuple):
    """One row of `keys`."""

    stream_id: bytes
    key_id: str
    kek_id: str
    wrapped_key: bytes | None
    """None once destroyed: the row stays, so that its id is never given again."""


class KeySource(Protocol):
    """The data keys of streams in one database."""

    async def of_streams(self, stream_ids: Sequence[bytes]) -> list[KeyRow]:
        """Return every key of these streams."""
        ...

    async def are_there(self) -> bool:
        """Tell whether any stream has, or had, a key."""
        ...

    async def first_encrypted(self, stream_id: bytes) -> int | None:
        """Return the first version of a stream that is encrypted, or None."""
        ...

    async def add(self, row: KeyRow, linked: str | None) -> None:
        """Store a key unless one of its id is there; have the stream use it if it uses `linked`."""
        ...

    async def wrapped_by_others(
        self, kek_id: str, after: tuple[bytes, str], limit: int
    ) -> list[KeyRow]:
        """Return up to `limit` keys behind (stream_id, key_id) that `kek_id` did not wrap."""
        ...

    async def rewrap(self, old: KeyRow, new: KeyRow) -> None:
        """Exchange a wrapped key, unless somebody else did, or destroyed it."""
        ...
