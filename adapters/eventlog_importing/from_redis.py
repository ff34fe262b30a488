"""Reads the keys of RedisSession: a hash for each conversation, and a list of its items."""

import contextlib
import re
from collections.abc import AsyncGenerator
from typing import Any, Final

from eventlog.errors import SourceError
from eventlog_importing.rows import Chunk, Origin, Row, cut, moment

DEFAULT_PREFIX: Final = "agents:session"

PAGE: Final = 500
"""Items that are fetched at once."""

_MESSAGES: Final = ":messages"
_SPECIAL: Final = re.compile(r"([\\*?\[\]^])")


class RedisSource:
    """A Redis, by its URL or a client of redis.asyncio, which its owner closes.

    `key_prefix` is what RedisSession was given. Redis keeps no time for an item. What is written
    during the import may be seen or not; import again to get the rest.
    """

    layout: str = "RedisSession"

    def __init__(self, redis: Any, *, key_prefix: str = DEFAULT_PREFIX) -> None:
        self._redis: Final = redis
        self._prefix: Final = f"{key_prefix}:"

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield every conversation, those without items last."""
        try:
            from redis.exceptions import RedisError
        except ImportError as error:
            raise SourceError(
                "A Redis cannot be read without its client:"
                " pip install 'conversation-eventlog[redis]'."
            ) from error
        try:
            async with self._client() as client:
                async for chunk in self._read(client):
                    yield chunk
        except RedisError as error:
            raise SourceError(
                f"The Redis of RedisSession cannot be read: {type(error).__name__}. Nothing was"
                " changed there. Look at the URL and the error that caused this one."
            ) from error

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncGenerator[Any]:
        if not isinstance(self._redis, str):
            yield self._redis
            return
        from redis.asyncio import Redis

        opened: Any = Redis
        async with opened.from_url(self._redis) as client:
            yield client

    async def _read(self, client: Any) -> AsyncGenerator[Chunk]:
        done: set[str] = set()  # A scan may give a key twice.
        async for key in self._keys(client, "list"):
            name = key[len(self._prefix) : -len(_MESSAGES)]
            if not key.endswith(_MESSAGES) or name in done:
                continue
            done.add(name)
            named, origin = await self._origin(client, name)
            if named not in (None, name):
                continue  # It is of a session with a longer prefix.
            async for chunk in _chunks(client, key, origin):
                yield chunk
        async for key in self._keys(client, "hash"):
            name = key[len(self._prefix) :]
            if name in done:
                continue
            done.add(name)
            named, origin = await self._origin(client, name)
            if named == name:
                yield Chunk(origin, [])

    async def _keys(self, client: Any, kind: str) -> AsyncGenerator[str]:
        pattern = _SPECIAL.sub(r"\\\1", self._prefix) + "*"
        async for key in client.scan_iter(match=pattern, count=PAGE, _type=kind):
            yield _text(key)

    async def _origin(self, client: Any, name: str) -> tuple[str | None, Origin]:
        """Return the name and the times in the session's hash; no name where there is no hash."""
        key = self._prefix + name
        if _text(await client.type(key)) != "hash":
            return None, Origin(name)
        fields = ("session_id", "created_at", "updated_at")
        named, created_at, updated_at = await client.hmget(key, fields)
        told = None if named is None else _text(named)
        return told, Origin(name, moment(created_at), moment(updated_at))


async def _chunks(client: Any, key: str, origin: Origin) -> AsyncGenerator[Chunk]:
    start = 0
    while page := await client.lrange(key, start, start + PAGE - 1):
        start += len(page)
        for rows in cut(Row(_bytes(item)) for item in page):
            yield Chunk(origin, rows)


def _bytes(stored: Any) -> bytes:
    return stored if isinstance(stored, bytes) else stored.encode("utf-8", "surrogateescape")


def _text(stored: Any) -> str:
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogateescape")
