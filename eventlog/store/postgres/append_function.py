"""The functions of a distributed log: an append as one call, which goes to the node of its stream.

Pure text, and nothing in it is Citus': on one server the functions do the same. `schema` is a
quoted name.

Rule: they change with a revision of the tables, or not at all: whoever opens a log of this revision
calls them as they are here.
"""

from collections.abc import Mapping
from typing import Final

from eventlog.clocks import MAX_CLOCK_LEAD
from eventlog.format.records import StoredEvent
from eventlog.store.sql.statement import literal
from eventlog.store.sql.stream_rows import ASKED, FIRST

TYPES: Final[Mapping[str, str]] = {
    "stream_id": "bytea",
    "tenant": "text",
    "name": "text",
    "branch": "text",
    "parent_id": "bytea",
    "parent_version": "bigint",
    "version": "bigint",
    "head_hash": "bytea",
    "head_at": "bigint",
    "linked_version": "bigint",
    "linked_hash": "bytea",
    "key_id": "text",
    "format": "integer",
    "event_id": "text",
    "kind": "text",
    "schema": "integer",
    "recorded_at": "bigint",
    "header": "bytea",
    "codec": "integer",
    "salt": "bytea",
    "context": "bytea",
    "body": "bytea",
    "content_digest": "bytea",
    "hash": "bytea",
}
"""Columns and their types, by which arrays of them are passed."""

TAKES: Final[Mapping[str, str]] = {
    "place": "bytea",
    "at": "bigint",
    "durability": "text",
    **{f"stream_{name}": f"{TYPES[name]}[]" for name in ASKED},
    **{f"event_{name}": f"{TYPES[name]}[]" for name in StoredEvent._fields},
}
"""Parameters and types of `append`. `place` is a stream, by which the call finds its node."""

NODES: Final = "bytea[]"
"""The type of what `nodes` takes."""

_APPEND: Final = """
DECLARE
  asked record;
  new record;
  moved bytea[] := ARRAY[]::bytea[];
BEGIN
  PERFORM set_config('synchronous_commit', durability, true);
  IF at > CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000000 AS bigint) + {lead} THEN
    RETURN;
  END IF;
  FOR asked IN SELECT * FROM unnest({stream_arrays}) AS asked({stream_columns}) LOOP
    IF asked.linked_version = 0 THEN
      INSERT INTO {schema}.streams ({first}) VALUES ({first_values}) ON CONFLICT DO NOTHING;
    ELSE
      UPDATE {schema}.streams
      SET version = asked.version, head_hash = asked.head_hash, head_at = asked.head_at
      WHERE streams.stream_id = asked.stream_id AND streams.version = asked.linked_version
        AND streams.head_hash = asked.linked_hash
        AND streams.key_id IS NOT DISTINCT FROM asked.key_id;
    END IF;
    IF FOUND THEN
      moved := moved || asked.stream_id;
      RETURN NEXT asked.stream_id;
    END IF;
  END LOOP;
  FOR new IN SELECT * FROM unnest({event_arrays}) AS new({event_columns}) LOOP
    IF new.stream_id = ANY (moved) THEN
      INSERT INTO {schema}.events ({event_columns}) VALUES ({event_values});
      INSERT INTO {schema}.queue (stream_id, version, recorded_at)
      VALUES (new.stream_id, new.version, new.recorded_at);
    END IF;
  END LOOP;
END
"""
"""As the statements of `sql/append.py` do it, but each row by a statement that names its stream.

Such statements are the ones that Citus runs where the stream is. An error keeps its SQLSTATE.
"""

_NODES: Final = """
BEGIN
  RETURN QUERY SELECT asked.stream_id, placement.groupid FROM (
    SELECT one AS stream_id,
      get_shard_id_for_distribution_column({streams}::regclass, one) AS shardid
    FROM unnest(streams) AS one OFFSET 0
  ) AS asked JOIN pg_dist_placement AS placement USING (shardid);
END
"""


def append_function(schema: str) -> str:
    """Append to streams of one node; return those that moved.

    Planned anew each time: Citus 13 looks for a plan that it has kept for a shard, does not find
    it and keeps another one, which fills the memory of a node by 60 KB with every append.
    """
    takes = ", ".join(f"{name} {kind}" for name, kind in TAKES.items())
    return _function(f"{schema}.append({takes})", "SETOF bytea", append_body(schema))


def append_body(schema: str) -> str:
    """Return what `append` does."""
    values = ["head_at" if name == "created_at" else name for name in FIRST]
    return _APPEND.format(
        schema=schema,
        lead=MAX_CLOCK_LEAD,
        stream_arrays=", ".join(f"stream_{name}" for name in ASKED),
        stream_columns=", ".join(ASKED),
        first=", ".join(FIRST),
        first_values=", ".join(f"asked.{name}" for name in values),
        event_arrays=", ".join(f"event_{name}" for name in StoredEvent._fields),
        event_columns=", ".join(StoredEvent._fields),
        event_values=", ".join(f"new.{name}" for name in StoredEvent._fields),
    )


def nodes_function(schema: str) -> str:
    """Tell of streams on which node each is: those of one can go together."""
    head = f"{schema}.nodes(streams {NODES})"
    return _function(head, "TABLE (stream_id bytea, node integer)", nodes_body(schema))


def nodes_body(schema: str) -> str:
    """Return what `nodes` does."""
    return _NODES.format(streams=literal(f"{schema}.streams"))


def _function(head: str, returns: str, body: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {head} RETURNS {returns} LANGUAGE plpgsql SECURITY INVOKER"
        " SET search_path = pg_catalog SET plan_cache_mode = force_custom_plan"
        f" AS {literal(body)}"
    )
