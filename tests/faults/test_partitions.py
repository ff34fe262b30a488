"""A log whose events are hash-partitioned keeps what every log promises.

It stands in for a distributed engine: uniqueness, triggers and TRUNCATE are each partition's own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from eventlog import EventLog, ItemsAdded, NewEvent
from eventlog.errors import InvalidOptionError
from eventlog.operations import migrate
from tests import distributing
from tests.backends import Backend, PostgresBackend, SharedBackend, migrated
from tests.contract.log.test_append import *  # noqa: F403

PARTITIONS = 4


@pytest.fixture(scope="module")
def split(postgres_url: str) -> Iterator[SharedBackend]:
    with migrated(SharedBackend(postgres_url), partitions=PARTITIONS) as opened:
        yield opened


@pytest.fixture
async def backend(split: SharedBackend) -> AsyncIterator[Backend]:
    """What the imported tests run on."""
    async for lent in split.lend():
        yield lent


@pytest.fixture
async def log(backend: Backend) -> AsyncIterator[EventLog]:
    async with backend.open() as opened:
        yield opened


async def fill(log: EventLog) -> None:
    for number in range(40):
        event = NewEvent(ItemsAdded([number]), event_id="once")
        await log.append(f"chat-{number}", [event, ItemsAdded(["more"])])


async def test_every_partition_holds_some_streams(backend: Backend, log: EventLog) -> None:
    """Streams are spread by hash, and read back through the one table."""
    await fill(log)
    for number in range(PARTITIONS):
        ((count,),) = await backend.execute(
            f"SELECT count(DISTINCT stream_id) FROM {{}}events_{number}"
            " JOIN {}streams USING (stream_id) WHERE tenant = ?",
            log.tenant,
        )
        assert 0 < count < 40
    assert (await log.verify()).events == 80


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {}events",
        "DELETE FROM {}events_2",
        "UPDATE {}events SET body = header",
        "UPDATE {}events_1 SET version = version + 1",
        "UPDATE {}events SET stream_id = header",
        "TRUNCATE {}events",
        *[f"TRUNCATE {{}}events_{number}" for number in range(PARTITIONS)],
        "DO $$ BEGIN SET LOCAL session_replication_role = replica; DELETE FROM {}events_0; END $$",
        "DO $$ BEGIN SET LOCAL session_replication_role = replica; TRUNCATE {}events_3; END $$",
        "INSERT INTO {}events_0 SELECT * FROM {}events_0",
    ],
)
async def test_no_partition_can_be_changed(backend: Backend, log: EventLog, statement: str) -> None:
    """Neither by way of the table nor by its own name, nor as a replica."""
    await fill(log)
    with pytest.raises(asyncpg.PostgresError):
        await backend.execute(statement)
    assert (await log.verify()).events == 80


async def test_a_partitioned_log_opens_and_migrates_like_any_other(backend: Backend) -> None:
    """Nothing but the first migration has to know; asking for the same again changes nothing."""
    async with backend.open() as log:
        await fill(log)
    await migrate(backend.url, **backend.options)
    await migrate(backend.url, partitions=PARTITIONS, **backend.options)
    async with backend.open() as log:
        assert (await log.verify()).events == 80


@pytest.mark.parametrize("partitions", [3, 5])
async def test_a_log_that_is_there_is_not_split_otherwise(
    backend: Backend, partitions: int
) -> None:
    """It says so instead of doing nothing."""
    with pytest.raises(InvalidOptionError, match="Only a new log"):
        await migrate(backend.url, partitions=partitions, **backend.options)


async def test_a_log_that_is_split_is_not_distributed(backend: Backend) -> None:
    """It says so where there is Citus, and that there is none elsewhere; nothing is changed."""
    why = "split into partitions" if distributing.kind() else "no Citus"
    with pytest.raises(InvalidOptionError, match=why):
        await migrate(backend.url, distributed="citus", **backend.options)
    async with backend.open() as log:
        await fill(log)


async def test_processes_that_split_one_new_log_at_once_agree(postgres_url: str) -> None:
    """They queue for one lock, and the later ones find it done."""
    opened = PostgresBackend(postgres_url)
    options: dict[str, Any] = {"partitions": 2, **opened.options}
    await asyncio.gather(*[migrate(opened.url, **options) for _ in range(3)])
    await opened.discard()
