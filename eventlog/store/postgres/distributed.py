"""Tables over many nodes or partitions: the SQL that turns a log into one that is spread.

Pure: functions that return statements, in the order in which they have to run, inside one
transaction, which makes the triggers again that they drop. `schema` is a quoted name.
"""

from collections.abc import Sequence
from hashlib import md5
from typing import Final, NamedTuple

from eventlog.errors import InvalidOptionError
from eventlog.store.postgres.append_function import (
    TAKES,
    append_body,
    append_function,
    nodes_body,
    nodes_function,
)
from eventlog.store.postgres.catalog import TRIGGERS
from eventlog.store.sql.statement import literal

MAX_PARTITIONS: Final = 1024

HAS_CITUS: Final = "SELECT count(*) FROM pg_extension WHERE extname = 'citus'"

TRIGGERED: Final = "SET LOCAL citus.enable_unsafe_triggers = on"
"""Has Citus make triggers on distributed tables, and so on each shard, wherever it is moved.

Without it, it refuses. Unsafe are those that look at rows of other nodes; ours look at their own
row, and at rows of its stream, which are on the same node.
"""

DISTRIBUTED: Final = ("streams", "events", "queue", "snapshots", "segments", "keys")
"""The tables that Citus distributes: streams first, the others where they are."""


class Spread(NamedTuple):
    """How a log is spread: over a distributed engine, over partitions, or not at all."""

    distributed: str | None = None
    partitions: int | None = None

    def check(self) -> "Spread":
        """Return self. Raises InvalidOptionError for what cannot be."""
        if self.distributed not in (None, "citus"):
            raise InvalidOptionError(f"distributed is 'citus' or None, not {self.distributed!r}.")
        if self.partitions is not None and not 1 <= self.partitions <= MAX_PARTITIONS:
            raise InvalidOptionError(
                f"partitions is a number from 1 to {MAX_PARTITIONS}, not {self.partitions!r}."
            )
        if self.distributed and self.partitions:
            raise InvalidOptionError("Citus makes shards of its own: give no partitions with it.")
        return self

    @property
    def is_wanted(self) -> bool:
        """Whether anything but plain tables is asked for."""
        return self != Spread()

    def statements(self, schema: str) -> list[str]:
        """Return what makes of a new log one that is spread so."""
        if self.partitions is not None:
            return partitions(schema, self.partitions)
        return citus(schema) if self.distributed else []

    def is_done(self, schema: str) -> str:
        """Return a query that counts something where `schema` is spread so already."""
        events = f"to_regclass({literal(f'{schema}.events')})"
        if self.partitions is not None:
            return (
                f"SELECT count(*) FROM pg_inherits WHERE inhparent = {events}"
                f" HAVING count(*) = {self.partitions}"
            )
        return f"SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = {events}"


def citus(schema: str) -> list[str]:
    """Distribute what an append touches by its stream; the feed stays on the coordinator.

    Its shards move with those of no other log. Triggers are made when the rows are on their shards,
    where those of erased events would be refused.
    """
    first, *others = (literal(f"{schema}.{table}") for table in DISTRIBUTED)
    return [
        "SET LOCAL citus.multi_shard_modify_mode = 'sequential'",
        *[
            f"DROP TRIGGER IF EXISTS {name} ON {schema}.{table}"
            for table, name in TRIGGERS
            if table in DISTRIBUTED
        ],
        f"SELECT create_distributed_table({first}, 'stream_id', colocate_with => 'none')",
        *[
            f"SELECT create_distributed_table({other}, 'stream_id', colocate_with => {first})"
            for other in others
        ],
        *functions(schema),
    ]


def functions(schema: str) -> list[str]:
    """Make the functions of a distributed log, or make them anew.

    Whoever may use the schema may call them, and do with them no more than the tables grant.
    """
    append = f"{schema}.append({', '.join(TAKES.values())})"
    return [
        nodes_function(schema),
        append_function(schema),
        (
            f"SELECT create_distributed_function({literal(append)}, 'place',"
            f" colocate_with => {literal(f'{schema}.streams')})"
        ),
    ]


def is_current(schema: str) -> str:
    """Return a query that counts something where the functions are as this release makes them."""
    bodies = {"append": append_body(schema), "nodes": nodes_body(schema)}
    known = [f"('{name}', '{_md5(body)}')" for name, body in bodies.items()]
    return (
        f"SELECT count(*) FROM pg_proc WHERE (proname, md5(prosrc)) IN ({', '.join(known)})"
        f" AND pronamespace = to_regnamespace({literal(schema)}) HAVING count(*) = {len(known)}"
    )


def of_tenants(schema: str) -> str:
    """Return a query that counts policies on the streams of a log."""
    streams = f"to_regclass({literal(f'{schema}.streams')})"
    return f"SELECT count(*) FROM pg_policy WHERE polrelid = {streams}"


def of_partitions(schema: str) -> str:
    """Return a query that counts something where the events of a log are partitioned."""
    events = f"to_regclass({literal(f'{schema}.events')})"
    return f"SELECT count(*) FROM pg_partitioned_table WHERE partrelid = {events}"


def partitions(schema: str, count: int) -> list[str]:
    """Split `events` by hash of its stream; every partition is guarded like the whole table.

    Row triggers of the parent reach its partitions; TRUNCATE fires the triggers of the table that
    it names and no other, so each partition gets one of its own.
    """
    parts = [f"{schema}.events_{number}" for number in range(count)]
    return [
        f"ALTER TABLE {schema}.events RENAME TO events_whole",
        (
            f"CREATE TABLE {schema}.events (LIKE {schema}.events_whole INCLUDING DEFAULTS"
            " INCLUDING CONSTRAINTS) PARTITION BY HASH (stream_id)"
        ),
        f"DROP TABLE {schema}.events_whole",
        f"ALTER TABLE {schema}.events ADD CONSTRAINT events_pk PRIMARY KEY (stream_id, version)",
        (
            f"CREATE UNIQUE INDEX events_by_event_id ON {schema}.events (stream_id, event_id)"
            " WHERE event_id IS NOT NULL"
        ),
        *[
            f"CREATE TABLE {part} PARTITION OF {schema}.events"
            f" FOR VALUES WITH (MODULUS {count}, REMAINDER {number})"
            for number, part in enumerate(parts)
        ],
        *_guard(schema, f"{schema}.events", "events_rows", "INSERT OR UPDATE OR DELETE", "ROW"),
        *_guard(schema, f"{schema}.events", "events_told", "UPDATE", "ROW", "erasures_are_told"),
        *[
            statement
            for table in (f"{schema}.events", *parts)
            for statement in _guard(schema, table, "events_truncate", "TRUNCATE", "STATEMENT")
        ],
    ]


def _guard(
    schema: str, table: str, name: str, when: str, each: str, function: str = "events_stay"
) -> Sequence[str]:
    return (
        (
            f"CREATE TRIGGER {name} BEFORE {when} ON {table}"
            f" FOR EACH {each} EXECUTE FUNCTION {schema}.{function}()"
        ),
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
    )


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
