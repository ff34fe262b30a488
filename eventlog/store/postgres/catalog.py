"""What the schema of a PostgreSQL database holds, and what of it guards the log."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from eventlog.store.contract.guards import Damage
from eventlog.store.contract.revisions import VERSION_TABLE
from eventlog.store.nouns.work import Ask, Noun, Runner, Work, reads
from eventlog.store.sql.statement import literal, quoted

_OBJECTS: Final = """
WITH place AS (SELECT oid, nspname, quote_ident(nspname) || '.' AS prefix FROM pg_namespace
  WHERE nspname = {schema}),
own AS ({own})
SELECT shard, kind, replace(on_table, shard, '') AS on_table, replace(name, shard, '') AS name,
  replace(replace(replace(said, prefix, ''), ' ONLY ', ' '), shard, '') AS said FROM place, (
  SELECT shard, 'trigger' AS kind, relname::text AS on_table, tgname::text AS name,
    pg_get_triggerdef(t.oid) || CASE tgenabled::text WHEN armed THEN '' ELSE ' [off]' END AS said
  FROM pg_trigger t JOIN own ON own.oid = tgrelid WHERE NOT tgisinternal AND tgparentid = 0
  UNION ALL
  SELECT '', 'function', '', proname,
    md5(replace(replace(prosrc, '"' || replace(nspname, '"', '""') || '".', ''), prefix, ''))
  FROM pg_proc JOIN place ON place.oid = pronamespace
  UNION ALL
  SELECT shard, 'constraint', relname, conname, pg_get_constraintdef(c.oid)
  FROM pg_constraint c JOIN own ON own.oid = conrelid WHERE contype IN ('p', 'u', 'c')
  UNION ALL
  SELECT shard, 'index', own.relname, i.relname, pg_get_indexdef(i.oid)
    || CASE WHEN indisvalid AND indisready AND indislive THEN '' ELSE ' [invalid]' END
  FROM pg_index JOIN own ON own.oid = indrelid JOIN pg_class i ON i.oid = indexrelid
  UNION ALL
  SELECT shard, 'column', relname, attname, CASE WHEN attnotnull THEN 'NOT NULL' ELSE 'NULL' END
  FROM pg_attribute JOIN own ON own.oid = attrelid
  WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p')
) AS every
"""
ARMED: Final = """CASE WHEN EXISTS (
    SELECT FROM pg_trigger AS of_citus JOIN pg_proc AS called ON called.oid = of_citus.tgfoid
    WHERE of_citus.tgrelid = pg_class.oid AND called.proname = 'citus_truncate_trigger'
) THEN 'O' ELSE 'A' END"""
"""How triggers of a table are enabled: always, but on what Citus distributes.

There it moves a shard by logical replication, in which a trigger that fires always takes each row
for an edited one. To have others not fire, too, takes a superuser.
"""

_OWN: Final = f"""
SELECT pg_class.oid, relname, relkind, '' AS shard, {ARMED} AS armed FROM pg_class JOIN place
  ON place.oid = relnamespace WHERE relname = ANY ($2)"""
OBJECTS: Final = f"""
SELECT kind, on_table, name, said FROM ({_OBJECTS.format(schema="$1", own=_OWN)}) AS found
ORDER BY 1, 2, 3
"""
"""Kind, table, name and definition of all that guards; $1 is the schema, $2 its tables.

Of no other table: the definition of an index waits for whoever has locked its table, and tables of
views are locked whole while they are made.
"""

_SHARDS: Final = """
SELECT c.oid, c.relname, c.relkind, '_' || shardid AS shard, 'O' AS armed FROM place
  JOIN pg_class AS whole ON whole.relnamespace = place.oid
  JOIN pg_dist_shard ON logicalrelid = whole.oid JOIN pg_dist_placement USING (shardid)
  JOIN pg_dist_local_group USING (groupid)
  JOIN pg_class c ON c.relnamespace = place.oid AND c.relname = whole.relname || '_' || shardid"""


def on_nodes(schema: str) -> Ask:
    """Ask every node of a cluster for the guards of the shards that it has: a JSON array each."""
    objects = _OBJECTS.format(schema=literal(schema), own=_SHARDS)
    each = f"SELECT coalesce(json_agg(found), '[]') FROM ({objects}) AS found"
    return Ask("SELECT nodeid, success, result FROM run_command_on_all_nodes($1)", [each])


APPEND_FUNCTION: Final = "append"
"""A log that is distributed has it (`distributed.py`), and no other."""

CITUS: Final = "SELECT 1 FROM pg_extension WHERE extname = 'citus'"

_EACH: Final = "FOR EACH ROW EXECUTE FUNCTION"
_ONCE: Final = "FOR EACH STATEMENT EXECUTE FUNCTION"
TRIGGERS: Final[Mapping[tuple[str, str], str]] = {
    ("events", "events_rows"): f"BEFORE INSERT OR DELETE OR UPDATE ON events {_EACH} events_stay()",
    ("events", "events_told"): f"BEFORE UPDATE ON events {_EACH} erasures_are_told()",
    ("events", "events_truncate"): f"BEFORE TRUNCATE ON events {_ONCE} events_stay()",
    ("feed", "feed_rows"): f"BEFORE DELETE OR UPDATE ON feed {_EACH} evidence_stays()",
    ("feed", "feed_truncate"): f"BEFORE TRUNCATE ON feed {_ONCE} evidence_stays()",
    ("streams", "streams_rows"): (
        "BEFORE DELETE OR UPDATE OF stream_id, tenant, name, branch, parent_id, parent_version,"
        f" created_at ON streams {_EACH} evidence_stays()"
    ),
    ("streams", "streams_truncate"): f"BEFORE TRUNCATE ON streams {_ONCE} evidence_stays()",
    ("tree_heads", "tree_heads_delete"): (f"BEFORE DELETE ON tree_heads {_EACH} evidence_stays()"),
    ("tree_heads", "tree_heads_truncate"): (
        f"BEFORE TRUNCATE ON tree_heads {_ONCE} evidence_stays()"
    ),
    ("tree_heads", "tree_heads_update"): (
        "BEFORE UPDATE ON tree_heads FOR EACH ROW WHEN (((new.size <> old.size) OR"
        " (new.root <> old.root))) EXECUTE FUNCTION evidence_stays()"
    ),
}
"""Each fires always."""

_ON_WHOLE: Final = {of for of, said in TRIGGERS.items() if said.startswith("BEFORE TRUNCATE")}
"""Citus makes these for a whole distributed table: it lets nobody truncate a shard by itself."""

FUNCTIONS: Final[Mapping[str, str]] = {
    "erasures_are_told": "fc14f3b68f3a2fe5e4f5b48ae28d6dff",
    "events_stay": "77f438106810a171e814b40258815004",
    "evidence_stays": "44ffbbf6417edc8ffd50758672ec199d",
}
"""The MD5 of what each is made of: it tells a change, and nobody is kept from making one by it."""

CONSTRAINTS: Final[Mapping[tuple[str, str], str]] = {
    ("checkpoints", "checkpoints_pk"): "PRIMARY KEY (projection, generation)",
    ("events", "events_pk"): "PRIMARY KEY (stream_id, version)",
    ("events", "events_version"): "CHECK ((version > 0))",
    ("feed", "feed_pk"): 'PRIMARY KEY ("position")',
    ("feed_head", "feed_head_one_row"): "CHECK ((id = 1))",
    ("feed_head", "feed_head_pk"): "PRIMARY KEY (id)",
    ("keys", "keys_pk"): "PRIMARY KEY (stream_id, key_id)",
    ("lease", "lease_pk"): "PRIMARY KEY (name)",
    ("misplaced", "misplaced_pk"): 'PRIMARY KEY (stream_id, version, "position", found_at)',
    ("purges", "purges_pk"): "PRIMARY KEY (stream_id, projection, generation)",
    ("queue", "queue_pk"): "PRIMARY KEY (stream_id, version)",
    ("segments", "segments_pk"): "PRIMARY KEY (stream_id, segment_id)",
    ("set_aside", "set_aside_pk"): 'PRIMARY KEY (projection, generation, "position")',
    ("snapshots", "snapshots_pk"): "PRIMARY KEY (stream_id, schema, version)",
    ("streams", "streams_pk"): "PRIMARY KEY (stream_id)",
    ("tree", "tree_pk"): "PRIMARY KEY (level, number)",
    ("tree_heads", "tree_heads_pk"): "PRIMARY KEY (size)",
}

TABLES: Final = sorted({table for table, _ in CONSTRAINTS})

INDEXES: Final[Mapping[tuple[str, str], str]] = {
    ("events", "events_by_event_id"): (
        "CREATE UNIQUE INDEX events_by_event_id ON events USING btree (stream_id, event_id)"
        " WHERE (event_id IS NOT NULL)"
    ),
    ("streams", "streams_by_name"): (
        "CREATE INDEX streams_by_name ON streams USING btree (tenant, name)"
    ),
    ("streams", "streams_by_parent"): (
        "CREATE INDEX streams_by_parent ON streams USING btree (parent_id)"
    ),
}
"""Those of constraints have the names of these, and are made with them."""

NULLABLE: Final = {
    "events": ("event_id", "key_id", "salt", "context", "body"),
    "streams": ("parent_id", "parent_version", "key_id", "erased_version"),
    "keys": ("wrapped_key",),
    "misplaced": ("mended_at",),
    "set_aside": ("skipped_at",),
}
"""All other columns of our tables are NOT NULL."""


class Object(NamedTuple):
    """A row of OBJECTS."""

    kind: str
    table: str
    name: str
    said: str


class Lost(NamedTuple):
    """A guard that is not as this release makes it, and how it is."""

    kind: str
    table: str
    name: str
    how: str

    @property
    def sentence(self) -> str:
        """Return it as a person reads it."""
        on = f" on {self.table}" if self.table else ""
        return f"{self.kind} {self.name}{on} is {self.how}"


class PostgresGuards(Noun):
    """A GuardSource. PostgreSQL compares no index with its table unless amcheck does."""

    def __init__(self, runner: Runner, schema: str) -> None:
        super().__init__(runner)
        self._schema = schema

    @reads
    def lost(self) -> Work[list[str]]:
        objects = yield Ask(OBJECTS, [self._schema, TABLES])
        found = [*lost(map(Object._make, objects))]
        if (yield Ask(CITUS)):
            there = lost_on_nodes((yield on_nodes(self._schema)))
            known = {each[:3] for each in found}
            found += [each for each in there if each[:3] not in known]
        return [each.sentence for each in found]

    @reads
    def damage(self) -> Work[list[Damage]]:
        yield from ()
        return []


def lost(objects: Iterable[Object], tables: Collection[str] = TABLES) -> Iterator[Lost]:
    """Yield what is not there on these tables as this release makes it."""
    there = _known(objects)
    wanted = {
        **{("trigger", *of): _creating(of, said) for of, said in TRIGGERS.items()},
        **{("function", "", name): said for name, said in FUNCTIONS.items()},
        **{("constraint", *of): said for of, said in CONSTRAINTS.items()},
        **{("index", *of): said for of, said in INDEXES.items()},
    }
    wanted = {of: said for of, said in wanted.items() if of[1] in ("", *tables)}
    for (kind, table, name), said in wanted.items():
        own = there.get((kind, table, name))
        if own != said:
            yield Lost(kind, table, name, "missing" if own is None else _how(own))
    for (kind, table, name), said in there.items():
        if kind == "column" and said == "NULL":
            if name not in NULLABLE.get(table, ()):
                yield Lost("constraint", table, f"NOT NULL of {name}", "missing")
        elif kind == "index" and (table, name) in CONSTRAINTS and said.endswith(_INVALID):
            yield Lost("index", table, name, _how(said))


def lost_on_nodes(rows: Iterable[Any]) -> Iterator[Lost]:
    """Yield what is not there in shards as this release makes it, of what `on_nodes` returned."""
    for node, is_told, told in rows:
        if not is_told:
            yield Lost("node", "", str(node), "silent about what guards its shards")
            continue
        shards: dict[str, list[Object]] = {}
        for one in json.loads(told):
            of = Object(one["kind"], one["on_table"], one["name"], one["said"])
            shards.setdefault(one["shard"], []).append(of)
        functions = shards.pop("", [])
        for shard, objects in sorted(shards.items()):
            where = f" (shard {shard.removeprefix('_')} on node {node})"
            for each in lost((*functions, *objects), {each.table for each in objects}):
                if each[1:3] not in _ON_WHOLE:
                    yield each._replace(how=each.how + where)


def renewing(objects: Iterable[Object], on_nodes: Iterable[Lost] = ()) -> list[str]:
    """Return what makes triggers and indexes anew that are gone or changed, within the schema.

    Of a distributed table they are made anew in all shards if one of them has lost its own.
    """
    there = _known(objects)
    for each in on_nodes:
        there.pop((each.kind, each.table, each.name), None)
    statements: list[str] = []
    for (table, name), said in TRIGGERS.items():
        own = there.get(("trigger", table, name), "")
        if own.removesuffix(_OFF) != _creating((table, name), said):
            statements.append(f"DROP TRIGGER IF EXISTS {name} ON {table}")
            statements.append(_creating((table, name), said))
    for (table, name), said in INDEXES.items():
        if there.get(("index", table, name)) != said:
            statements += [f"DROP INDEX IF EXISTS {name}", said]
    return statements


def _known(objects: Iterable[Object]) -> dict[tuple[str, str, str], str]:
    return {(each.kind, each.table, each.name): each.said for each in objects}


def _creating(of: tuple[str, str], said: str) -> str:
    return f"CREATE TRIGGER {of[1]} {said}"


_OFF: Final = " [off]"
_INVALID: Final = " [invalid]"


def _how(said: str) -> str:
    if said.endswith(_OFF):
        return "off: it does not fire for everybody"
    if said.endswith(_INVALID):
        return "invalid: PostgreSQL does not use it"
    return "not as this release makes it"


class Form(NamedTuple):
    """What a log is made as: the revision of its tables, and whether they are on many nodes."""

    revision: str | None
    is_distributed: bool = False
    """Whether it has the function by which appends reach the node of their stream."""

    is_spread: bool = False
    """Whether its tables are Citus'."""

    @property
    def is_outdated(self) -> bool:
        """Whether a release distributed it that made no such function."""
        return self.is_spread and not self.is_distributed


_FORM: Final = """
SELECT version_num, EXISTS (
    SELECT FROM pg_proc WHERE pronamespace = to_regnamespace($1) AND proname = $2
), EXISTS (
    SELECT FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgrelid = to_regclass($1 || '.streams') AND proname = 'citus_truncate_trigger'
) FROM {}
"""


async def form(connection: Any, schema: str) -> Form:
    """Return what the log in a schema is made as; its revision is None where there is none."""
    import asyncpg  # Who migrates a SQLite log, which asks for what is here, need not have it.

    place = quoted(schema)
    try:
        row = await connection.fetchrow(
            _FORM.format(f"{place}.{VERSION_TABLE}"), place, APPEND_FUNCTION
        )
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return Form(None)
    return Form(None) if row is None else Form._make(row)


async def inspect(connection: Any, schema: str) -> tuple[dict[str, list[str]], Form]:
    """Return the columns of every table in the schema, and what the log in it is made as."""
    rows = await connection.fetch(
        "SELECT table_name::text, column_name::text FROM information_schema.columns"
        " WHERE table_schema = $1 ORDER BY table_name, ordinal_position",
        schema,
    )
    tables: dict[str, list[str]] = {}
    for table, name in rows:
        tables.setdefault(table, []).append(name)
    if VERSION_TABLE not in tables:
        return tables, Form(None)
    return tables, await form(connection, schema)
