"""The statements that spread a new log over nodes, as text; there is no Citus where tests run."""

import re

import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog, ItemsAdded
from eventlog.errors import InvalidOptionError, ReadOnlyError
from eventlog.operations import migrate
from eventlog.store.postgres.distributed import Spread, citus, partitions
from tests.backends import PostgresBackend
from tests.options import grouped

CITUS = citus("log")


def place(statements: list[str], start: str) -> int:
    (found,) = [at for at, text in enumerate(statements) if text.startswith(start)]
    return found


def test_citus_distributes_what_an_append_touches_by_stream() -> None:
    """All of them by stream_id, in the same places, so that an append stays on one node."""
    placed = [text for text in CITUS if "create_distributed_table" in text]
    assert placed == [
        f"SELECT create_distributed_table(E'log.{table}', 'stream_id', colocate_with => {beside})"
        for table, beside in (
            ("streams", "'none'"),
            ("events", "E'log.streams'"),
            ("queue", "E'log.streams'"),
            ("snapshots", "E'log.streams'"),
            ("segments", "E'log.streams'"),
            ("keys", "E'log.streams'"),
        )
    ]


def test_citus_leaves_the_feed_where_it_is() -> None:
    """Positions are given by one sequencer, in tables of the coordinator."""
    assert not [text for text in CITUS if re.search(r"\b(feed|feed_head|lease)\b", text)]
    assert not [text for text in CITUS if "reference_table" in text]


def test_triggers_are_made_when_rows_are_on_their_shards() -> None:
    """Citus copies rows by INSERT, and refuses a table that has triggers: they are made after."""
    dropped = [text for text in CITUS if text.startswith("DROP TRIGGER")]
    assert CITUS[1 : 1 + len(dropped)] == dropped
    assert dropped == [
        "DROP TRIGGER IF EXISTS events_rows ON log.events",
        "DROP TRIGGER IF EXISTS events_told ON log.events",
        "DROP TRIGGER IF EXISTS events_truncate ON log.events",
        "DROP TRIGGER IF EXISTS streams_rows ON log.streams",
        "DROP TRIGGER IF EXISTS streams_truncate ON log.streams",
    ]


def test_the_head_is_distributed_first_and_the_others_follow_it() -> None:
    """What is colocated names a table that is distributed already."""
    order = [
        place(CITUS, f"SELECT create_distributed_table(E'log.{name}'")
        for name in ("streams", "events", "queue", "snapshots", "segments", "keys")
    ]
    assert order == sorted(order)


def test_names_are_quoted_inside_literals() -> None:
    """A schema may be called anything, whatever the server takes a backslash for."""
    told = " ".join(citus('"it\'s \\"'))
    assert "create_distributed_table(E'\"it''s \\\\\".streams'" in told


def test_every_partition_gets_a_truncate_trigger_that_replicas_obey() -> None:
    """It is the one guard that does not reach from a table to its partitions."""
    statements = partitions("log", 3)
    for table in ("events", "events_0", "events_1", "events_2"):
        assert f"ALTER TABLE log.{table} ENABLE ALWAYS TRIGGER events_truncate" in statements
        assert place(statements, f"CREATE TRIGGER events_truncate BEFORE TRUNCATE ON log.{table} ")


@pytest.mark.parametrize(
    ("spread", "message"),
    [
        (Spread("cockroach"), "distributed is 'citus'"),
        (Spread(None, 0), "from 1 to 1024"),
        (Spread(None, 1025), "from 1 to 1024"),
        (Spread("citus", 4), "no partitions"),
    ],
)
def test_what_cannot_be_is_refused(spread: Spread, message: str) -> None:
    """Before anything is reached."""
    with pytest.raises(InvalidOptionError, match=message):
        spread.check()


@pytest.mark.parametrize("options", [{"distributed": "citus"}, {"partitions": 4}], ids=str)
async def test_a_file_cannot_be_spread(tmp_path: object, options: dict[str, object]) -> None:
    """And is not created."""
    with pytest.raises(InvalidOptionError, match="SQLite"):
        await migrate(f"{tmp_path}/log.db", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [False, True])
async def test_a_server_without_citus_says_so_and_is_left_alone(
    postgres_url: str, there: bool
) -> None:
    """Before a schema is created, and for a log that is there; the message says what to run."""
    backend = PostgresBackend(postgres_url)
    if there:
        await migrate(backend.url, **backend.options)
    with pytest.raises(InvalidOptionError, match="CREATE EXTENSION citus"):
        await migrate(backend.url, distributed="citus", **backend.options)
    schemas = await backend.execute(
        "SELECT count(*) FROM pg_namespace WHERE nspname = ?", backend.schema
    )
    assert schemas == [(int(there),)]
    await backend.discard()


async def test_a_server_that_only_reads_can_be_read(postgres_url: str) -> None:
    """A replica: reading works, appending says why it does not."""
    backend = PostgresBackend(postgres_url)
    await backend.make()
    async with backend.open() as log:
        await log.append("chat", ItemsAdded(["a"]))
    url = make_url(backend.url).update_query_dict({"default_transaction_read_only": "on"})
    async with EventLog(
        url.render_as_string(hide_password=False), **grouped(**backend.options)
    ) as replica:
        assert await replica.version("chat") == 1
        assert (await replica.verify()).ok
        with pytest.raises(ReadOnlyError):
            await replica.append("chat", ItemsAdded(["b"]))
    await backend.discard()
