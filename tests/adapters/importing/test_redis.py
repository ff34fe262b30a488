"""Importing from Redis: which keys are whose, and what an item may be."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import pytest
import redis.asyncio
from agents.extensions.memory import RedisSession

from eventlog import EventLog
from eventlog.errors import SourceError
from eventlog_importing import RedisSource, import_sessions
from eventlog_projections import Conversation

ITEM: Final[Any] = {"role": "user", "content": "Hi"}


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Any]:
    async with redis.asyncio.Redis.from_url(redis_url) as opened:
        yield opened


@pytest.fixture
async def prefix(client: Any) -> AsyncIterator[str]:
    """A prefix of the test's own; its keys are gone afterwards."""
    name = f"t{uuid4().hex}"
    yield name
    async for key in client.scan_iter(match=f"{name}*"):
        await client.delete(key)


async def write(client: Any, prefix: str, name: str, *items: Any) -> None:
    session = RedisSession(name, redis_client=client, key_prefix=prefix)
    await session.add_items(list(items))


async def names(log: EventLog) -> list[str]:
    return [row.name async for row in log.streams()]


async def test_a_prefix_that_ends_in_a_colon_is_taken_as_it_is(
    client: Any, prefix: str, target: EventLog
) -> None:
    """RedisSession puts one more colon behind it."""
    await write(client, f"{prefix}:", "chat", ITEM)
    await import_sessions(target, RedisSource(client, key_prefix=f"{prefix}:"))
    assert await names(target) == ["chat"]


async def test_sessions_of_a_longer_prefix_are_not_taken_for_ones_of_this(
    client: Any, prefix: str, target: EventLog
) -> None:
    """Their keys begin alike; the hash of each says whose it is."""
    await write(client, prefix, "chat", ITEM)
    await write(client, f"{prefix}:other", "chat", ITEM)
    await write(client, f"{prefix}:other", "empty", ITEM)
    session = RedisSession("empty", redis_client=client, key_prefix=f"{prefix}:other")
    await session.pop_item()
    await import_sessions(target, RedisSource(client, key_prefix=prefix))
    assert await names(target) == ["chat"]


async def test_an_id_that_ends_like_a_key_is_a_conversation_of_its_own(
    client: Any, prefix: str, target: EventLog
) -> None:
    """`a:messages` and `a:messages:messages`, in whatever order a scan gives them."""
    await write(client, prefix, "a:messages", ITEM)
    await write(client, prefix, "b:counter", ITEM)
    await import_sessions(target, RedisSource(client, key_prefix=prefix))
    assert sorted(await names(target)) == ["a:messages", "b:counter"]


async def test_keys_of_other_programs_are_left_alone(
    client: Any, prefix: str, target: EventLog
) -> None:
    """Of whatever type they are; a list that is not called like one of messages neither."""
    await write(client, prefix, "chat", ITEM)
    await client.set(f"{prefix}:x:messages", "text")
    await client.sadd(f"{prefix}:y", "member")
    await client.rpush(f"{prefix}:z", "element")
    await client.hset(f"{prefix}:h", "field", "value")
    before = {key: await client.dump(key) async for key in client.scan_iter(match=f"{prefix}*")}
    await import_sessions(target, RedisSource(client, key_prefix=prefix))
    assert await names(target) == ["chat"]
    after = {key: await client.dump(key) async for key in client.scan_iter(match=f"{prefix}*")}
    assert after == before


async def test_items_without_the_hash_are_copied(
    client: Any, prefix: str, target: EventLog
) -> None:
    """The hash may have expired, or never have been there."""
    await write(client, prefix, "chat", ITEM)
    await client.delete(f"{prefix}:chat")
    await import_sessions(target, RedisSource(client, key_prefix=prefix))
    assert await Conversation(target, "chat").items() == [ITEM]


@pytest.mark.parametrize("decodes", [True, False])
async def test_a_client_may_decode_or_not(
    redis_url: str, client: Any, prefix: str, target: EventLog, *, decodes: bool
) -> None:
    """An application's own client is used as it is, and stays open."""
    await write(client, prefix, "größe", {"role": "user", "content": "Größe"})
    await client.rpush(f"{prefix}:größe:messages", "{broken")
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=decodes) as own:
        report = await import_sessions(target, RedisSource(own, key_prefix=prefix))
        assert await own.ping()
    assert [row.row for row in report.preserved] == [1]
    assert await Conversation(target, "größe").items() == [{"role": "user", "content": "Größe"}]


async def test_bytes_that_are_no_text_are_kept(client: Any, prefix: str, target: EventLog) -> None:
    """Every byte of them."""
    await write(client, prefix, "chat", ITEM)
    await client.rpush(f"{prefix}:chat:messages", b"\xff\x00\xfe")
    await import_sessions(target, RedisSource(client, key_prefix=prefix))
    (kept,) = [event.event async for event in target.read("chat") if event.kind == "preserved"]
    assert kept.raw == b"\xff\x00\xfe"  # type: ignore[union-attr]


async def test_a_url_is_enough(redis_url: str, client: Any, prefix: str, target: EventLog) -> None:
    """What is opened for it is closed again."""
    await write(client, prefix, "chat", ITEM)
    report = await import_sessions(target, RedisSource(redis_url, key_prefix=prefix))
    assert report.items == 1


async def test_a_redis_that_cannot_be_reached_is_an_error_that_says_so(target: EventLog) -> None:
    """One of ours, with the client's error as its cause."""
    with pytest.raises(SourceError, match="cannot be read: ConnectionError"):
        await import_sessions(target, "redis://127.0.0.1:1/0")
