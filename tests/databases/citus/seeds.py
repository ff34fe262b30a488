"""Statements over tables by stream and one of the coordinator, and what Citus 13.2 said to each."""

from typing import Final

TABLES: Final = (
    "CREATE TABLE {}far (stream_id bytea, version bigint, PRIMARY KEY (stream_id, version))",
    "CREATE TABLE {}beside (stream_id bytea PRIMARY KEY, size bigint)",
    "CREATE TABLE {}near (stream_id bytea, version bigint)",
)
DISTRIBUTING: Final = (
    "SELECT create_distributed_table('{}far', 'stream_id')",
    "SELECT create_distributed_table('{}beside', 'stream_id', colocate_with => '{}far')",
)
FAR: Final = frozenset({"far", "beside"})

_MEET: Final = "near.stream_id = far.stream_id"
_ONE: Final = r"'\x00'"
_SOME: Final = rf"ARRAY[{_ONE}::bytea]"

REFUSED: Final = (
    # Correlated subqueries, where the rows of both are not on one worker.
    f"SELECT FROM {{}}near WHERE EXISTS (SELECT FROM {{}}far WHERE {_MEET})",
    f"SELECT FROM {{}}near WHERE NOT EXISTS (SELECT FROM {{}}far WHERE {_MEET})",
    f"SELECT FROM {{}}near WHERE version = 1 OR EXISTS (SELECT FROM {{}}far WHERE {_MEET})",
    f"SELECT (SELECT far.version FROM {{}}far WHERE {_MEET} LIMIT 1) FROM {{}}near",
    f"SELECT FROM {{}}far WHERE EXISTS (SELECT FROM {{}}near WHERE {_MEET})",
    f"SELECT FROM {{}}far WHERE NOT EXISTS (SELECT FROM {{}}near WHERE {_MEET})",
    "SELECT FROM {}far WHERE EXISTS (SELECT FROM {}beside WHERE size = version)",
    "SELECT (SELECT size FROM {}beside WHERE size = version) FROM {}far",
    f"SELECT FROM unnest({_SOME}) AS asked (stream_id)"
    " WHERE EXISTS (SELECT FROM {}far WHERE far.stream_id = asked.stream_id)",
    # LATERAL.
    f"SELECT FROM {{}}far, LATERAL (SELECT FROM {{}}near WHERE {_MEET} LIMIT 1) AS of_it",
    f"SELECT FROM {{}}near, LATERAL (SELECT FROM {{}}far WHERE {_MEET} LIMIT 1) AS of_it",
    # What is changed, and by what.
    f"DELETE FROM {{}}far WHERE EXISTS (SELECT FROM {{}}near WHERE {_MEET})",
    f"DELETE FROM {{}}near WHERE EXISTS (SELECT FROM {{}}far WHERE {_MEET})",
    f"UPDATE {{}}near SET version = (SELECT max(far.version) FROM {{}}far WHERE {_MEET})",
    f"INSERT INTO {{}}near SELECT * FROM {{}}far WHERE EXISTS (SELECT FROM {{}}near WHERE {_MEET})",
    "UPDATE {}far SET version = 1 WHERE clock_timestamp() > '2000-01-01'",
    "DELETE FROM {}far WHERE random() < version",
    "UPDATE {}far SET version = (random() * 9)::bigint",
    "UPDATE {}far SET version = 1"
    " WHERE statement_timestamp() - make_interval(secs => version) < '2000-01-01'",
    f"INSERT INTO {{}}far VALUES ({_ONE}, (SELECT count(*) FROM {{}}near))",
    f"INSERT INTO {{}}far VALUES ({_ONE}, 1) RETURNING clock_timestamp()",
    f"UPDATE {{}}far SET stream_id = {_ONE} WHERE version = 2",
    # Rows of many shards.
    "SELECT FROM {}far FOR UPDATE",
    f"SELECT FROM {{}}far WHERE stream_id = ANY ({_SOME} || '\\x01'::bytea) FOR UPDATE",
    "WITH RECURSIVE found AS (SELECT stream_id FROM {}far UNION SELECT beside.stream_id"
    " FROM {}beside JOIN found ON beside.stream_id = found.stream_id) SELECT FROM found",
)

TAKEN: Final = (
    "SELECT FROM {}far JOIN {}near USING (stream_id)",
    "SELECT FROM {}far LEFT JOIN {}near USING (stream_id)",
    "SELECT FROM {}near LEFT JOIN {}far USING (stream_id)",
    "SELECT FROM {}near WHERE version = 1 OR stream_id IN (SELECT stream_id FROM {}far)",
    "SELECT FROM {}far WHERE EXISTS (SELECT FROM {}beside WHERE beside.stream_id = far.stream_id)",
    "SELECT (SELECT size FROM {}beside WHERE beside.stream_id = far.stream_id) FROM {}far",
    "SELECT FROM {}far,"
    " LATERAL (SELECT FROM {}beside WHERE beside.stream_id = far.stream_id LIMIT 1) AS of_it",
    f"SELECT FROM unnest({_SOME}) AS asked (stream_id) JOIN {{}}far USING (stream_id)",
    f"SELECT FROM unnest({_SOME}) AS asked (stream_id) LEFT JOIN {{}}far USING (stream_id)",
    f"UPDATE {{}}far SET version = near.version FROM {{}}near WHERE {_MEET}",
    "DELETE FROM {}far WHERE stream_id IN (SELECT stream_id FROM {}near)",
    "DELETE FROM {}near WHERE stream_id IN (SELECT stream_id FROM {}far)",
    "INSERT INTO {}near SELECT stream_id, version FROM {}far",
    "INSERT INTO {}far SELECT stream_id, version FROM {}near ON CONFLICT DO NOTHING",
    f"INSERT INTO {{}}far VALUES ({_ONE}, extract(day FROM clock_timestamp())::bigint)",
    "UPDATE {}far SET version = 1 WHERE statement_timestamp() < '2000-01-01'",
    f"SELECT FROM {{}}far WHERE stream_id = {_ONE} FOR UPDATE",
    f"UPDATE {{}}far SET version = 2 WHERE stream_id = {_ONE} AND version = 1",
)
