"""Citus can move a shard while it is written to: its triggers let replication pass."""

import asyncpg
import pytest

from eventlog.operations import migrate
from tests.backends import PostgresBackend

MADE_BY_CITUS = (
    "CREATE FUNCTION {}citus_truncate_trigger() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER truncate_trigger_1 AFTER TRUNCATE ON {}events"
    " FOR EACH STATEMENT EXECUTE FUNCTION {}citus_truncate_trigger()",
)
"""What tells a distributed table without asking for Citus' own."""

ENABLED = """
SELECT relname, array_agg(DISTINCT tgenabled::text) FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = ?::text::regnamespace AND NOT tgisinternal GROUP BY relname ORDER BY relname
"""


async def test_triggers_of_distributed_tables_do_not_fire_in_replication(postgres_url: str) -> None:
    """Those of the coordinator's tables always do; verify takes both for what they have to be."""
    backend = PostgresBackend(postgres_url)
    await backend.make()
    for statement in MADE_BY_CITUS:
        await backend.execute(statement)
    await migrate(backend.url, **backend.options)
    enabled = dict(await backend.execute(ENABLED, backend.schema))
    assert enabled["events"] == ["O"]
    assert enabled["feed"] == enabled["tree_heads"] == ["A"]
    async with backend.open() as log:
        assert (await log.verify()).warnings == ()
    with pytest.raises(asyncpg.RaiseError):
        await backend.execute("TRUNCATE {}events, {}streams")
    await backend.discard()
