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


class Linked(NamedTuple):
    """What a stream was seen to use: an erasure in between shows, whatever came after it."""

    key_id: str | None
    erased_version: int | None


class KeySource(Protocol):
    """The data keys of streams in one database."""

    async def of_streams(self, stream_ids: Sequence[bytes]) -> list[KeyRow]:
        """Return every key of these streams."""
        ...

    async def strays(self) -> list[bytes]:
        """Return the first ids that keys name and no stream has.

        A first append that failed leaves such a key, and so does tampering.
        """
        ...

    async def are_there(self) -> bool:
        """Tell whether any stream has, or had, a key."""
        ...

    async def first_encrypted(self, stream_id: bytes) -> int | None:
        """Return the first version of a stream that is encrypted, or None."""
        ...

    async def add(self, name: str, row: KeyRow, linked: Linked) -> None:
        """Store a key unless one of its id is there; have the stream use it if it uses `linked`.

        It does not use a key that was destroyed meanwhile. `name` is what errors call the stream.
        """
        ...

    async def wrapped_by_others(
        self, kek_id: str, after: tuple[bytes, str], limit: int
    ) -> list[KeyRow]:
        """Return up to `limit` keys behind (stream_id, key_id) that `kek_id` did not wrap."""
        ...

    async def rewrap(self, name: str, old: KeyRow, new: KeyRow) -> None:
        """Exchange a wrapped key, unless somebody else did, or destroyed it."""
        ...
