"""The roles of a log on PostgreSQL, and what each may do: statements in the order they run in.

Pure. A role gets what is listed here and nothing else, whatever it had before. Roles of tenants are
kept to their rows by row-level security, in policies that are for them only: others pay nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from eventlog.errors import InvalidOptionError
from eventlog.store.contract.revisions import VERSION_TABLE
from eventlog.store.sql.statement import Statement, literal, plain, quoted

OWNER: Final = "owner"
WRITER: Final = "writer"
READER: Final = "reader"
SEQUENCER: Final = "sequencer"
ERASER: Final = "eraser"
ROLES: Final = (OWNER, WRITER, READER, SEQUENCER, ERASER)

GROUP: Final = "tenants"
"""What the roles of all tenants have in common; alone it opens nothing."""

MAX_NAME: Final = 63
"""Bytes of a name in PostgreSQL."""

_HEAD: Final = "version, head_hash, head_at, key_id"
_APPENDS: Final = {
    "streams": f"INSERT, UPDATE ({_HEAD})",
    "events": "INSERT",
    "queue": "INSERT",
    "snapshots": "INSERT, DELETE",
    "segments": "INSERT, DELETE",
    "keys": "INSERT",
}
_PLACES: Final = {
    "queue": "DELETE",
    "feed": "INSERT",
    "feed_head": "UPDATE (position)",
    "lease": "INSERT, UPDATE",
}
GRANTS: Final[Mapping[str, Mapping[str, str]]] = {
    WRITER: {**_APPENDS, **_PLACES, "queue": "INSERT, DELETE"},
    READER: {},
    SEQUENCER: {
        **_PLACES,
        "tree": "INSERT, UPDATE",
        "tree_heads": "INSERT, UPDATE (root, note, signed_at)",
        "checkpoints": "INSERT, UPDATE, DELETE",
        "set_aside": "INSERT, DELETE",
    },
    ERASER: {
        **_PLACES,
        "queue": "INSERT, DELETE",
        "streams": f"UPDATE ({_HEAD}, erased_version)",
        "events": "INSERT, UPDATE (salt, context, body)",
        "snapshots": "DELETE",
        "segments": "DELETE",
        "keys": "UPDATE (kek_id, wrapped_key)",
        "checkpoints": "UPDATE (position, rate, moved_at)",
        "set_aside": "INSERT",
    },
    GROUP: {table: rights for table, rights in _APPENDS.items() if table != "streams"},
}
"""What a role may do besides reading every table. The owner may do everything."""

HIDDEN: Final[Mapping[str, Collection[str]]] = {GROUP: {"streams"}}
"""What it may not read. A tenant's own role may: without one the group sees nothing."""

OF_STREAMS: Final = ("events", "queue", "feed", "snapshots", "segments", "set_aside")
"""Tables whose rows are those of a stream, and of its tenant."""

_EVERYONE: Final = "everyone"
_OF_TENANT: Final = "of_tenant"


def role_name(schema: str, role: str) -> str:
    """Return what a role of a log is called, on the whole server."""
    return f"{schema}_{role}"


def check_role(name: str) -> str:
    """Return `name`. Raises InvalidOptionError if PostgreSQL would cut it."""
    if not name or len(name.encode()) > MAX_NAME:
        raise InvalidOptionError(
            f"A role is called by 1 to {MAX_NAME} bytes, {name!r} is not. Give role=."
        )
    return name


def tables() -> list[str]:
    """Return the tables of a log that are always there."""
    from eventlog.store.sql.schema import metadata  # Opening a log in a file comes by here.

    return [table.name for table in metadata("postgresql").tables.values()] + [VERSION_TABLE]


def grants(schema: str, there: Collection[str]) -> list[str]:
    """Give every role that is `there` what it needs, and nothing more."""
    place = quoted(schema)
    # Not ALL TABLES: the sequencer's own would be among them, and it may forbid them to itself.
    ours = ", ".join(f"{place}.{table}" for table in tables())
    steps: list[str] = []
    for role, rights in GRANTS.items():
        if role_name(schema, role) not in there:
            continue
        name = quoted(role_name(schema, role))
        within = "USAGE, CREATE" if role == SEQUENCER else "USAGE"
        steps += [
            f"REVOKE ALL ON {ours} FROM {name}",
            f"REVOKE ALL ON SCHEMA {place} FROM {name}",
            f"GRANT {within} ON SCHEMA {place} TO {name}",
        ]
        for table in tables():
            may = [] if table in HIDDEN.get(role, ()) else ["SELECT"]
            may += [rights[table]] if table in rights else []
            if may:
                steps.append(f"GRANT {', '.join(may)} ON {place}.{table} TO {name}")
    return steps


def ownership(schema: str, partitions: Iterable[str]) -> list[str]:
    """Give the log to its owner; whoever runs this becomes one of his members."""
    place, owner = quoted(schema), quoted(role_name(schema, OWNER))
    sequencer = quoted(role_name(schema, SEQUENCER))
    return [
        f"GRANT {owner}, {sequencer} TO CURRENT_USER",
        f"ALTER SCHEMA {place} OWNER TO {owner}",
        *[
            f"ALTER TABLE {place}.{quoted(table)} OWNER TO {owner}"
            for table in (*tables(), *partitions)
        ],
        f"ALTER FUNCTION {place}.events_stay() OWNER TO {owner}",
        f"ALTER FUNCTION {place}.evidence_stays() OWNER TO {owner}",
    ]


def rights(schema: str) -> Statement:
    """Return the query for one row of Rights of the role that asks."""
    writes = "current_setting('transaction_read_only') = 'off'"
    wanted = {"queue": "DELETE", "snapshots": "INSERT", "tree": "INSERT", "checkpoints": "INSERT"}
    mays = [
        f"{writes} AND has_table_privilege({literal(f'{quoted(schema)}.{table}')}, '{right}')"
        for table, right in wanted.items()
    ]
    group = literal(role_name(schema, GROUP))
    is_member = f"SELECT FROM pg_roles WHERE rolname = {group} AND pg_has_role(oid, 'USAGE')"
    guarded = f"row_security_active({literal(f'{quoted(schema)}.streams')}::regclass)"
    return plain(f"SELECT {', '.join(mays)}, NOT ({guarded} AND EXISTS ({is_member}))")


def known(schema: str) -> str:
    """Return the query for the roles that are there, of those that may own a view only own ones."""
    own = literal(role_name(schema, SEQUENCER))
    names = ", ".join(literal(role_name(schema, role)) for role in GRANTS)
    return (
        f"SELECT rolname FROM pg_roles WHERE rolname IN ({names})"
        f" AND (rolname <> {own} OR pg_has_role(oid, 'MEMBER'))"
    )


def guard(
    schema: str, relation: str, columns: Collection[str] | None, there: Collection[str]
) -> list[str]:
    """Let the roles that are `there` read a view's table, those of tenants their own rows.

    The eraser takes rows out of it, too, and puts back what an erasure has left of them.

    Without `columns` it is an SQL view, which would show a tenant everything. The sequencer gets
    what anybody made: who makes it anew has to be its owner.
    """
    place = f"{quoted(schema)}.{quoted(relation)}"
    readers = {role_name(schema, role) for role in (WRITER, READER, ERASER)}
    steps = [f"GRANT SELECT ON {place} TO {quoted(name)}" for name in sorted(readers & {*there})]
    if (group := role_name(schema, GROUP)) in there and columns is not None:
        steps.append(f"GRANT SELECT ON {place} TO {quoted(group)}")
        steps += _policies(schema, relation, _visible(schema, relation, columns))
    if (eraser := role_name(schema, ERASER)) in there and columns is not None:
        steps.append(f"GRANT INSERT, UPDATE, DELETE ON {place} TO {quoted(eraser)}")
    if (sequencer := role_name(schema, SEQUENCER)) in there:
        steps.append(f"ALTER TABLE {place} OWNER TO {quoted(sequencer)}")
    return steps


def row_security(schema: str) -> list[str]:
    """Keep the roles of tenants to the rows of their streams, in the tables of the log."""
    place, group = quoted(schema), quoted(role_name(schema, GROUP))
    owner = quoted(role_name(schema, OWNER))
    own = f"{place}.is_own(stream_id)"
    free = f"{_own_stream(schema, 'keys', 'stream_id')} OR NOT {place}.is_taken(stream_id)"
    return [
        *_functions(schema),
        *[f"ALTER FUNCTION {place}.{name}(bytea) OWNER TO {owner}" for name in _FUNCTIONS],
        *[f"REVOKE ALL ON FUNCTION {place}.{name}(bytea) FROM PUBLIC" for name in _FUNCTIONS],
        *[f"GRANT EXECUTE ON FUNCTION {place}.{name}(bytea) TO {group}" for name in _FUNCTIONS],
        *_open(schema, "streams"),
        f"DROP POLICY IF EXISTS identity ON {place}.streams",
        (
            f"CREATE POLICY identity ON {place}.streams AS RESTRICTIVE FOR INSERT TO {group}"
            f" WITH CHECK (stream_id = {_IDENTITY})"
        ),
        *[
            step
            for table in OF_STREAMS
            for step in _policies(schema, table, _own_stream(schema, table, "stream_id"), own)
        ],
        *_policies(schema, "keys", free, free),
    ]


def tenant_role(schema: str, tenant: str, role: str) -> list[str]:
    """Give a role the conversations of one tenant."""
    place, name = quoted(schema), quoted(role)
    may = f"SELECT, {_APPENDS['streams']}"
    return [
        f"GRANT {quoted(role_name(schema, GROUP))} TO {name}",
        f"GRANT {may} ON {place}.streams TO {name}",
        f"DROP POLICY IF EXISTS {name} ON {place}.streams",
        (
            f"CREATE POLICY {name} ON {place}.streams AS RESTRICTIVE TO {name}"
            f" USING (tenant = {literal(tenant)})"
        ),
    ]


def _policies(schema: str, table: str, visible: str, written: str | None = None) -> Sequence[str]:
    place, group = quoted(schema), quoted(role_name(schema, GROUP))
    check = "" if written is None else f" WITH CHECK ({written})"
    return (
        *_open(schema, table),
        f"DROP POLICY IF EXISTS {_OF_TENANT} ON {place}.{quoted(table)}",
        (
            f"CREATE POLICY {_OF_TENANT} ON {place}.{quoted(table)} AS RESTRICTIVE TO {group}"
            f" USING ({visible}){check}"
        ),
    )


def _open(schema: str, table: str) -> Sequence[str]:
    """Switch row-level security on; grants alone decide for everybody else, as before."""
    place = f"{quoted(schema)}.{quoted(table)}"
    return (
        f"ALTER TABLE {place} ENABLE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS {_EVERYONE} ON {place}",
        f"CREATE POLICY {_EVERYONE} ON {place} USING (true) WITH CHECK (true)",
    )


def _visible(schema: str, table: str, columns: Collection[str]) -> str:
    """Say which rows of a view's table are a tenant's; where none tells, no row is."""
    for column in ("tenant", "stream_id"):
        if column in columns:
            return _own_stream(schema, table, column)
    return "false"


def _own_stream(schema: str, table: str, column: str) -> str:
    """Ask whether the tenant sees a stream: `streams` alone knows the policies of tenants.

    OFFSET 0 keeps the planner from reading every stream of the tenant to know one of them.
    """
    key = "tenant" if column == "tenant" else "stream_id"
    place = f"{quoted(schema)}.streams"
    return f"EXISTS (SELECT FROM {place} own WHERE own.{key} = {quoted(table)}.{column} OFFSET 0)"


_FUNCTIONS: Final = ("is_own", "is_taken")


def _functions(schema: str) -> Sequence[str]:
    """Make what policies call. Whoever calls has a search_path of his own: nothing is left to it.

    `is_own` is volatile to see the stream that the statement itself has just made. `is_taken` has
    the owner's eyes.
    """
    found = (
        f"EXISTS (SELECT FROM {quoted(schema)}.streams s"
        " WHERE s.stream_id OPERATOR(pg_catalog.=) wanted)"
    )
    return [
        f"CREATE OR REPLACE FUNCTION {quoted(schema)}.{name}(wanted bytea) RETURNS boolean"
        f" LANGUAGE plpgsql {how} AS $$ BEGIN RETURN {found}; END $$"
        for name, how in zip(
            _FUNCTIONS, ("VOLATILE", "STABLE SECURITY DEFINER SET search_path = ''"), strict=True
        )
    ]


def _prefixed(column: str) -> str:
    data = f"convert_to({column}, 'UTF8')"
    return f"int8send(octet_length({data})) || {data}"


_IDENTITY: Final = (
    f"substring(sha256({_prefixed('tenant')} || {_prefixed('name')} ||"
    f" CASE branch WHEN '' THEN '' ELSE {_prefixed('branch')} END) FROM 1 FOR 16)"
)
"""What docs/format.md says of a stream's identity."""
