"""The roles of a log on PostgreSQL, and the statements that grant and ask their rights, as text.

Pure; imports SQLAlchemy only to list the tables. A role gets the rights that are listed here and
no others, whatever it had before. What limits roles of tenants to their rows is `row_security`.

Rule: roles are of a cluster, a log is in one database of it. Which roles a log has is what was
granted on its own tables, and never which names there are.
"""

from collections.abc import Collection, Iterable, Mapping
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
APPENDS: Final = {
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
    "misplaced": "INSERT",
}
GRANTS: Final[Mapping[str, Mapping[str, str]]] = {
    WRITER: {**APPENDS, **_PLACES, "queue": "INSERT, DELETE"},
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
    GROUP: {table: rights for table, rights in APPENDS.items() if table != "streams"},
}
"""Rights of a role by table, beside SELECT on every table. The owner has all."""

HIDDEN: Final[Mapping[str, Collection[str]]] = {GROUP: {"streams"}}
"""Tables without SELECT for a role. A tenant's own role has it on `streams`."""

OF_STREAMS: Final = (
    "events",
    "queue",
    "feed",
    "snapshots",
    "segments",
    "set_aside",
    "misplaced",
    "purges",
)
"""Tables whose rows have a `stream_id`, by which they belong to a tenant."""

_GUARDS: Final = ("events_stay", "erasures_are_told", "evidence_stays")
"""The functions of triggers."""

_RESERVED: Final = ("public", "none")


def role_name(schema: str, role: str) -> str:
    """Return the name of a role of a log; roles are global to a server."""
    return f"{schema}_{role}"


def quoted_role(schema: str, role: str) -> str:
    """Return the quoted name of a role of a log."""
    return quoted(role_name(schema, role))


def fixed(schema: str) -> list[str]:
    """Return the names that the roles of a log have, but for those of its tenants."""
    return [role_name(schema, role) for role in (*ROLES, GROUP)]


def table_of(schema: str, table: str) -> str:
    """Return the quoted name of a table of a log."""
    return f"{quoted(schema)}.{quoted(table)}"


def check_role(name: str) -> str:
    """Return `name`. Raises InvalidOptionError if PostgreSQL would truncate or refuse it."""
    if not name or len(name.encode()) > MAX_NAME:
        raise InvalidOptionError(
            f"A role is called by 1 to {MAX_NAME} bytes, {name!r} is not. Give role=."
        )
    if name in _RESERVED or name.startswith("pg_") or "\0" in name:
        raise InvalidOptionError(f"PostgreSQL has no roles called {name!r}. Give another role=.")
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
        name = quoted_role(schema, role)
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


def ownership(schema: str, partitions: Iterable[str], user: str) -> list[str]:
    """Make the owner role the owner of every table; the current user becomes a member of it.

    `user` is the current one: it may be one of these roles itself, and no role is its own member.
    """
    place, owner = quoted(schema), quoted_role(schema, OWNER)
    joined = [role_name(schema, role) for role in (OWNER, SEQUENCER)]
    return [
        *[f"GRANT {quoted(name)} TO CURRENT_USER" for name in joined if name != user],
        f"ALTER SCHEMA {place} OWNER TO {owner}",
        *[
            f"ALTER TABLE {table_of(schema, table)} OWNER TO {owner}"
            for table in (*tables(), *partitions)
        ],
        *[f"ALTER FUNCTION {place}.{name}() OWNER TO {owner}" for name in _GUARDS],
    ]


def unusable(name: str, schemas: Iterable[str]) -> str | None:
    """Tell why a role cannot be a tenant's: it is one of a log in these schemas."""
    for schema in schemas:
        if name in fixed(schema):
            return f"it is a role of the log in schema {schema!r} itself"
    return None


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
    """Select the roles of this log; the sequencer only if the current user is a member of it.

    They are those that were granted something on its events: roles of other databases have the
    same names.
    """
    own = literal(role_name(schema, SEQUENCER))
    names = ", ".join(literal(role_name(schema, role)) for role in (OWNER, *GRANTS))
    events = literal(table_of(schema, "events"))
    return (
        "SELECT DISTINCT rolname FROM pg_class CROSS JOIN aclexplode(relacl) AS given"
        " JOIN pg_roles ON pg_roles.oid = given.grantee"
        f" WHERE pg_class.oid = to_regclass({events}) AND rolname IN ({names})"
        f" AND (rolname <> {own} OR pg_has_role(pg_roles.oid, 'MEMBER'))"
    )
