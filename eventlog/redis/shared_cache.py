"""A cache in Redis that many processes share: the newest version of the bytes under a key.

Rule: nothing that happens to Redis changes an answer or fails a call. A Redis that does not answer
costs each process one short wait, and is not asked again for a while.
"""

import asyncio
import time
from typing import Any, Final

from eventlog.redis.link import RedisLink
from eventlog.retrying import Backoff

PATIENCE: Final = 0.25
"""Seconds that a read waits for Redis."""

LIFETIME: Final = 3600
"""Seconds until an entry that nobody writes again expires."""

MAX_BYTES: Final = 8 * 1024 * 1024
"""Larger values are not shared: reading them from the database is as fast."""

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0

_GET: Final = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return false end
if redis.call('HSTRLEN', KEYS[1], 'value') > tonumber(ARGV[1]) then return false end
return redis.call('HGET', KEYS[1], 'value')
"""
_PUT: Final = """
local kind = redis.call('TYPE', KEYS[1]).ok
-- Only where there is something: a script that has written may go on writing to a full Redis.
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local known = tonumber(redis.call('HGET', KEYS[1], 'version') or '-1') or -1
if known >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'value', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class SharedCache:
    """The keys of a Redis that belong to one database."""

    def __init__(self, link: RedisLink, prefix: str) -> None:
        self._link = link
        self._prefix = prefix
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._again_at = 0.0
        self.failures = 0
        """How many commands Redis did not answer, or refused."""

    async def get(self, key: str) -> bytes | None:
        """Return the bytes under `key`, or None: also for more than `put` puts there."""
        found = await self._ask("EVAL", _GET, 1, self._key(key), MAX_BYTES)
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, version: int, value: bytes) -> None:
        """Store `value` unless a version as new is there, or it is larger than MAX_BYTES."""
        if len(value) <= MAX_BYTES:
            await self._ask("EVAL", _PUT, 1, self._key(key), version, value, LIFETIME)

    async def delete(self, key: str) -> None:
        """Delete what is stored under `key`: no process could use it."""
        await self._ask("DEL", self._key(key))

    def _key(self, key: str) -> str:
        return f"{self._prefix}:{key}"

    async def _ask(self, *command: Any) -> Any:
        if time.monotonic() < self._again_at:
            return None
        link = self._link.of_this_loop()
        await link.begin()
        answer: Any = None
        is_answered = False
        with link.unbroken(" ".join(command[:2])):
            # A client that somebody passed in may decode what it reads; these are bytes.
            asked = link.client.execute_command(*command, NEVER_DECODE=True)
            answer = await asyncio.wait_for(asked, PATIENCE)
            is_answered = True
        if is_answered:
            self._backoff.reset()
        else:
            self.failures += 1
            self._again_at = time.monotonic() + self._backoff.next()
        return answer
