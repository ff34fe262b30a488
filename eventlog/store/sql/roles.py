"""The roles of a log on PostgreSQL, and the statements that grant and ask their rights, as text.

Pure; imports SQLAlchemy only to list the tables. A role gets the rights that are listed here and
no others, whatever it had before. Row-level security limits roles of tenants to their rows, by
policies that are for them only: others pay nothing.
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
"""The role that the roles of all tenants are members of; alone it reads nothing."""

MAX_NAME: Final = 63
"""Maximum length of a name in PostgreSQL, in bytes."""

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
        "set_aside": "INSERT, UPDATE, DELETE",
        "purges": "DELETE",
    },
    ERASER: {
        **_PLACES,
        "queue": "INSERT, DELETE",
        "streams": f"UPDATE ({_HEAD}, erased_version)",
        "events": "INSERT, UPDATE (salt, context, body)",
        "snapshots": "DELETE",
        "segments": "DELETE",
        "keys": "UPDATE (kek_id, wrapped_key)",
        "checkpoints": "UPDATE (position, rate, moved_at, epoch)",
        "set_aside": "INSERT, UPDATE, DELETE",
        "purges": "INSERT, DELETE",
    },
    GROUP: {table: rights for table, rights in _APPENDS.items() if table != "streams"},
}
"""Rights of a role by table, beside SELECT on every table. The owner has all."""

HIDDEN: Final[Mapping[str, Collection[str]]] = {GROUP: {"streams"}}
"""Tables without SELECT for a role. A tenant's own role has it on `streams`."""

OF_STREAMS: Final = ("events", "queue", "feed", "snapshots", "segments", "set_aside", "purges")
"""Tables whose rows have a `stream_id`, by which they belong to a tenant."""

_EVERYONE: Final = "everyone"
_OF_TENANT: Final = "of_tenant"


def role_name(schema: str, role: str) -> str:
    """Return the name of a role of a log; roles are global to a server."""
    return f"{schema}_{role}"


def _role(schema: str, role: str) -> str:
    return quoted(role_name(schema, role))


def _place(schema: str, table: str) -> str:
    return f"{quoted(schema)}.{quoted(table)}"


def check_role(name: str) -> str:
    """Return `name`. Raises InvalidOptionError if PostgreSQL would truncate it."""
    if not name or len(name.encode()) > MAX_NAME:
        raise InvalidOptionError(
            f"A role is called by 1 to {MAX_NAME} bytes, {name!r} is not. Give role=."
        )
    return name


def tables() -> list[str]:
    """Return the names of the tables of every log."""
    from eventlog.store.sql.schema import metadata  # Opening a log in a file comes by here.

    return [table.name for table in metadata("postgresql").tables.values()] + [VERSION_TABLE]


def grants(schema: str, there: Collection[str]) -> list[str]:
    """Grant every role that exists its rights, and revoke all others."""
    place = quoted(schema)
    # Not ALL TABLES: the sequencer's own would be among them, and it may forbid them to itself.
    ours = ", ".join(f"{place}.{table}" for table in tables())
    steps: list[str] = []
    for role, given in GRANTS.items():
        if role_name(schema, role) not in there:
            continue
        name = _role(schema, role)
        within = "USAGE, CREATE" if role == SEQUENCER else "USAGE"
        steps += [
            f"REVOKE ALL ON {ours} FROM {name}",
            f"REVOKE ALL ON SCHEMA {place} FROM {name}",
            f"GRANT {within} ON SCHEMA {place} TO {name}",
        ]
        for table in tables():
            may = [] if table in HIDDEN.get(role, ()) else ["SELECT"]
            may += [given[table]] if table in given else []
            if may:
                steps.append(f"GRANT {', '.join(may)} ON {place}.{table} TO {name}")
    return steps


def ownership(schema: str, partitions: Iterable[str]) -> list[str]:
    """Make the owner role the owner of every table; the current user becomes a member of it."""
    place, owner = quoted(schema), _role(schema, OWNER)
    sequencer = _role(schema, SEQUENCER)
    return [
        f"GRANT {owner}, {sequencer} TO CURRENT_USER",
        f"ALTER SCHEMA {place} OWNER TO {owner}",
        *[
            f"ALTER TABLE {_place(schema, table)} OWNER TO {owner}"
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
    """Select the roles that exist; the sequencer only if the current user is a member of it."""
    own = literal(role_name(schema, SEQUENCER))
    names = ", ".join(literal(role_name(schema, role)) for role in GRANTS)
    return (
        f"SELECT rolname FROM pg_roles WHERE rolname IN ({names})"
        f" AND (rolname <> {own} OR pg_has_role(oid, 'MEMBER'))"
    )


def guard(
    schema: str, relation: str, columns: Collection[str] | None, there: Collection[str]
) -> list[str]:
    """Grant the roles that exist SELECT on a view's table, those of tenants on their own rows.

    The eraser may also change rows. Without `columns` the relation is an SQL view, which would show
    a tenant the rows of all: it gets no right. The sequencer becomes the owner, whoever made the
    table, because only its owner can make it again.
    """
    place = _place(schema, relation)
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
    """Limit the roles of tenants to the rows of their streams, in the tables of the log."""
    place, group = quoted(schema), _role(schema, GROUP)
    owner = _role(schema, OWNER)
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
    """Grant a role the conversations of one tenant."""
    place, name = quoted(schema), quoted(role)
    may = f"SELECT, {_APPENDS['streams']}"
    return [
        f"GRANT {_role(schema, GROUP)} TO {name}",
        f"GRANT {may} ON {place}.streams TO {name}",
        f"DROP POLICY IF EXISTS {name} ON {place}.streams",
        (
            f"CREATE POLICY {name} ON {place}.streams AS RESTRICTIVE TO {name}"
            f" USING (tenant = {literal(tenant)})"
        ),
    ]


def _policies(schema: str, table: str, visible: str, written: str | None = None) -> Sequence[str]:
    place, group = _place(schema, table), _role(schema, GROUP)
    check = "" if written is None else f" WITH CHECK ({written})"
    return (
        *_open(schema, table),
        f"DROP POLICY IF EXISTS {_OF_TENANT} ON {place}",
        (
            f"CREATE POLICY {_OF_TENANT} ON {place} AS RESTRICTIVE TO {group}"
            f" USING ({visible}){check}"
        ),
    )


def _open(schema: str, table: str) -> Sequence[str]:
    """Enable row-level security, with a policy that leaves everybody else to the grants."""
    place = _place(schema, table)
    return (
        f"ALTER TABLE {place} ENABLE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS {_EVERYONE} ON {place}",
        f"CREATE POLICY {_EVERYONE} ON {place} USING (true) WITH CHECK (true)",
    )


def _visible(schema: str, table: str, columns: Collection[str]) -> str:
    """Return the condition for rows of a tenant; no row is one's without a column that tells."""
    for column in ("tenant", "stream_id"):
        if column in columns:
            return _own_stream(schema, table, column)
    return "false"


def _own_stream(schema: str, table: str, column: str) -> str:
    """Return the condition that the tenant sees a stream: only `streams` has its policy.

    OFFSET 0 keeps the planner from reading every stream of the tenant to know one of them.
    """
    key = "tenant" if column == "tenant" else "stream_id"
    place = f"{quoted(schema)}.streams"
    return f"EXISTS (SELECT FROM {place} own WHERE own.{key} = {quoted(table)}.{column} OFFSET 0)"


_FUNCTIONS: Final = ("is_own", "is_taken")


def _functions(schema: str) -> Sequence[str]:
    """Create the functions that policies call; every name is qualified, whatever the search_path.

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
