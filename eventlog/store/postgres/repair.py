"""Mending the feed of a log on PostgreSQL, in one transaction that keeps others from placing.

Rule: no position goes, and none is given anew to an event that had another one: whoever follows the
feed has seen them. What has no claim to its position makes room for an event of a new stream, which
says what was there. What a signed head covers stays as it is.
"""

import contextlib
import itertools
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any, Final

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.proof.merkle import HASH_BYTES, TILE_WIDTH
from eventlog.store.contract.misplaced import Misplacement
from eventlog.store.postgres.catalog import form
from eventlog.store.postgres.errors import translated
from eventlog.store.sql.session import SETTINGS, locally
from eventlog.store.sql.statement import quoted

_SUSPECT: Final = """
WITH suspect AS (
    SELECT feed.stream_id FROM {s}.feed
    LEFT JOIN {s}.events ON events.stream_id = feed.stream_id AND events.version = feed.version
    GROUP BY feed.stream_id
    HAVING count(*) <> count(DISTINCT feed.version) OR bool_or(events.version IS NULL)
), found AS (SELECT stream_id, version FROM {s}.events
), named AS (SELECT stream_id, version, tenant, name, branch FROM {s}.streams)
"""
_SUSPECT_OF_NODES: Final = """
WITH placed AS MATERIALIZED (
    SELECT stream_id, count(*) AS places, count(DISTINCT version) AS versions,
        min(version) AS first, max(version) AS last
    FROM {s}.feed GROUP BY stream_id
), there AS MATERIALIZED (
    SELECT stream_id, count(*) AS number FROM {s}.events GROUP BY stream_id
), ends AS MATERIALIZED (SELECT stream_id, version FROM {s}.streams
), suspect AS MATERIALIZED (
    SELECT placed.stream_id FROM placed LEFT JOIN there USING (stream_id)
    LEFT JOIN ends USING (stream_id)
    WHERE places <> versions OR first < 1 OR last > version OR number <> version
    OR number IS NULL OR version IS NULL
), found AS MATERIALIZED (
    SELECT stream_id, version FROM {s}.events WHERE stream_id IN (SELECT stream_id FROM suspect)
), named AS MATERIALIZED (
    SELECT stream_id, version, tenant, name, branch FROM {s}.streams
    WHERE stream_id IN (SELECT stream_id FROM suspect)
)
"""
"""The same of many nodes, which send a row for each stream: of one that has as many events as its
end says, all are there. An outer join with `feed` would have them send every event."""

_PLACES: Final = """
SELECT feed.stream_id, feed.position, feed.version, found.version IS NOT NULL AS is_there,
    feed.version > coalesce(named.version, 0) AS is_beyond,
    feed.position <= (SELECT coalesce(max(size), 0) FROM {s}.tree_heads) AS stays,
    named.tenant, named.name, named.branch, EXISTS (
        SELECT FROM {s}.misplaced WHERE misplaced.stream_id = feed.stream_id
        AND misplaced.version = feed.version AND misplaced.position = feed.position
    ) AS is_known
FROM {s}.feed JOIN suspect USING (stream_id)
LEFT JOIN found ON found.stream_id = feed.stream_id AND found.version = feed.version
LEFT JOIN named ON named.stream_id = feed.stream_id
ORDER BY feed.stream_id, feed.position
"""
"""Ends both: each place of what is suspect, with the event and the stream that are there."""

_REFUSED: Final = """
SELECT DISTINCT misplaced.stream_id, misplaced.version, tenant, name, branch FROM {s}.misplaced
LEFT JOIN {s}.streams USING (stream_id) WHERE position = 0 AND mended_at IS NULL
ORDER BY stream_id, version
"""
_FELL: Final = f"""
DELETE FROM {{s}}.tree WHERE EXISTS (
    SELECT FROM {{s}}.tree AS leaves WHERE level = 0
    AND number * {TILE_WIDTH} + length(hashes) / {HASH_BYTES} >= $1::bigint
)
"""
"""What was hashed of a place that no signed head covers: the tree is made anew from the feed."""

_NOW: Final = "CAST(EXTRACT(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
_RECORD: Final = f"""
INSERT INTO {{s}}.misplaced (stream_id, version, position, found_at, mended_at)
VALUES ($1, $2, $3, {_NOW}, {_NOW})
"""
_LOOKED_AT: Final = f"UPDATE {{s}}.misplaced SET mended_at = {_NOW} WHERE mended_at IS NULL"
_REPLACE: Final = "UPDATE {s}.feed SET stream_id = $1, version = $2 WHERE position = $3"
_UNQUEUE: Final = "DELETE FROM {s}.queue WHERE stream_id = $1"


class FeedRepair:
    """One transaction: what is found in it stays true until it ends."""

    def __init__(
        self, connection: "asyncpg.Connection[Any]", schema: str, *, is_distributed: bool
    ) -> None:
        self._connection = connection
        self._schema = quoted(schema)
        self._suspect = (_SUSPECT_OF_NODES if is_distributed else _SUSPECT) + _PLACES

    async def find(self) -> list[Misplacement]:
        """Return what is misplaced, by position."""
        rows = await self._fetch(self._suspect)
        found: list[Misplacement] = []
        for _, of_stream in itertools.groupby(rows, key=lambda row: row["stream_id"]):
            found += misplaced(list(of_stream))
        for row in await self._fetch(_REFUSED):
            found.append(Misplacement(0, row[0], row[1], "refused", stays=False, **_whose(row)))
        return sorted(found, key=lambda each: each[:3])

    async def replace(self, found: Sequence[Misplacement], stream_id: bytes) -> None:
        """Put the events of a new stream, which say what was there, in the places to be mended."""
        places = [each for each in found if each.is_replaced]
        if places:
            await self._execute(_FELL, places[0].position)
            await self._execute("ALTER TABLE {s}.feed DISABLE TRIGGER feed_rows")
            for version, each in enumerate(places, 1):
                await self._execute(_REPLACE, stream_id, version, each.position)
            await self._execute("ALTER TABLE {s}.feed ENABLE ALWAYS TRIGGER feed_rows")
            await self._execute(_UNQUEUE, stream_id)
        for each in found:
            if each.position:
                await self._execute(_RECORD, each.stream_id, each.version, each.position)
        await self._execute(_LOOKED_AT)

    async def keep_still(self) -> None:
        """Keep everybody from giving positions until the end; reading and appending go on."""
        await self._execute("LOCK TABLE {s}.feed IN SHARE ROW EXCLUSIVE MODE")

    async def _fetch(self, statement: str) -> list[Any]:
        return await self._connection.fetch(statement.replace("{s}", self._schema))

    async def _execute(self, statement: str, *args: object) -> None:
        await self._connection.execute(statement.replace("{s}", self._schema), *args)


@contextlib.asynccontextmanager
async def repairing(address: PostgresAddress, patience: float) -> AsyncGenerator[FeedRepair]:
    """Open a connection and a transaction for it. Raises StoreError."""
    with translated(address):
        connection = await asyncpg.connect(address.dsn, timeout=patience, statement_cache_size=0)
        try:
            async with connection.transaction():
                for setting in locally(SETTINGS):
                    await connection.execute(setting)
                is_distributed = (await form(connection, address.schema)).is_distributed
                yield FeedRepair(connection, address.schema, is_distributed=is_distributed)
        finally:
            await connection.close()


def misplaced(rows: Iterable[Any]) -> list[Misplacement]:
    """Return what has no claim among the positions of one stream, which are given in order.

    Versions have their turns: 1, 2, 3 … Whatever has had its turn, or has it later, and is there
    another time, is there once too often. A version that never has its turn is not ours to judge.
    """
    turn = 1
    found: list[Misplacement] = []
    early: list[Any] = []
    for row in rows:
        if not row["is_there"]:
            if row["is_beyond"]:
                found.append(_misplacement(row, "nowhere"))
        elif row["version"] == turn:
            turn += 1
        else:
            early.append(row)
    twice = [_misplacement(row, "twice") for row in early if row["version"] < turn]
    known = {row["position"] for row in early if row["is_known"]}
    return [each for each in (*found, *twice) if each.position not in known]


def _misplacement(row: Any, what: Any) -> Misplacement:
    return Misplacement(
        row["position"], row["stream_id"], row["version"], what, row["stays"], **_whose(row)
    )


def _whose(row: Any) -> dict[str, Any]:
    return {"tenant": row["tenant"], "stream": row["name"], "branch": row["branch"] or ""}
