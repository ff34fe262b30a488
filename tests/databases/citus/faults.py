"""The nine faults that a real cluster showed first, each as the statement that had it, shortened.

`{}` stands for the schema of the log and a full stop.
"""

from typing import Final

_CLOCK: Final = "CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
_MOVED: Final = (
    "UPDATE {}streams SET version = $1, head_hash = $2 WHERE stream_id = $3::bytea AND version = $4"
)
_STORED: Final = (
    "queued AS (INSERT INTO {}queue (stream_id, version, recorded_at)"
    " SELECT $3::bytea, $1, 1 FROM head),"
    " stored AS (INSERT INTO {}events (stream_id, version, event_id)"
    " SELECT $3::bytea, $1, $5 FROM head) SELECT stream_id FROM head"
)

LATER_APPEND: Final = (
    f"{_MOVED} AND $5::bigint <= {_CLOCK} RETURNING stream_id",
    "clock_timestamp() is volatile, in what changes streams",
)
"""Every append to a conversation but the first was refused."""

RESENT_EVENT_ID: Final = (
    "WITH head AS (INSERT INTO {}streams (stream_id, version, head_hash)"
    " SELECT $3::bytea, $4::bigint, $2::bytea"
    f" ON CONFLICT DO NOTHING RETURNING stream_id), {_STORED}",
    "a WITH clause changes events",
)
"""SQLSTATE 23505 was lost on its way over the coordinator."""

VIEW: Final = (
    "SELECT FROM {}set_aside AS rows WHERE EXISTS (SELECT 1 FROM {}streams"
    " WHERE streams.stream_id = rows.stream_id AND streams.tenant = $1)",
    "a correlated subquery over streams",
)
"""A table of the coordinator, of which the rows of one tenant were asked for."""

ONE_NODE_DOWN: Final = (
    "WITH asked AS (SELECT * FROM unnest($1::bytea[], $2::bigint[]) AS asked (stream_id, version)),"
    " head AS (UPDATE {}streams SET version = asked.version FROM asked"
    " WHERE streams.stream_id = asked.stream_id RETURNING streams.stream_id) SELECT FROM head",
    "a WITH clause changes streams",
)
"""Appends to the other node failed with it."""

FEED_PAGE: Final = (
    "SELECT feed.position, event.hash FROM {}feed, LATERAL (SELECT hash FROM {}events"
    " WHERE events.stream_id = feed.stream_id AND events.version = feed.version LIMIT 1) AS event"
    " WHERE feed.position > $1",
    "LATERAL over events",
)
"""Each page cost a statement that failed."""

SLOW_APPEND: Final = (
    f"WITH head AS ({_MOVED} RETURNING stream_id), {_STORED}",
    "a WITH clause changes queue",
)
"""Twice the time of statements that each go to one node."""

STATEMENTS: Final = {
    "later append": LATER_APPEND,
    "resent event_id": RESENT_EVENT_ID,
    "view": VIEW,
    "one node down": ONE_NODE_DOWN,
    "feed page": FEED_PAGE,
    "slow append": SLOW_APPEND,
}

POLICY: Final = (
    "CREATE POLICY of_tenant ON {}events USING (EXISTS"
    " (SELECT FROM {}streams WHERE streams.stream_id = events.stream_id))"
)
"""Refused of a distributed table: "unexpected non-SELECT command in SubLink"."""

NOBODY_ERASES: Final = "REVOKE UPDATE, DELETE, TRUNCATE ON {}events FROM CURRENT_USER"
"""Took from the owner what erasing takes, and gave it to nobody."""

HIDDEN: Final = ("citus.override_table_visibility", "off")
"""Without it the driver's question about arrays took seconds, and migrations failed.

Citus calls a function for each relation of the database, which fails if another session drops an
index meanwhile: "cache lookup failed for index".
"""
