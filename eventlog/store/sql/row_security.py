"""Row-level security: what limits the roles of tenants to their rows, as text.

Pure. Policies are for these roles only: others pay nothing. A row is a tenant's if its stream is,
and which streams are, a policy on `streams` for the tenant's own role says.

Rule: the policy of a tenant's role goes by the name of the role, every other by a name that begins
with `pg_`, which PostgreSQL lets no role have.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

from eventlog.store.sql.roles import (
    APPENDS,
    ERASER,
    GROUP,
    OF_STREAMS,
    OWNER,
    READER,
    SEQUENCER,
    WRITER,
    quoted_role,
    role_name,
    table_of,
)
from eventlog.store.sql.statement import literal, quoted
from eventlog.store.sql.statistics import silence, silence_all

POLICIES: Final = """
SELECT polname, rolname FROM pg_policy JOIN pg_roles ON polroles = ARRAY[pg_roles.oid]
WHERE polrelid = to_regclass($1) AND rolname <> $2
"""
"""Those on `streams` that are for one role of a tenant."""

UNLIMITED: Final = """
SELECT DISTINCT member.rolname FROM pg_auth_members
JOIN pg_roles AS whole ON whole.oid = roleid
JOIN pg_roles AS member ON member.oid = pg_auth_members.member
JOIN pg_class ON pg_class.oid = to_regclass($1) CROSS JOIN aclexplode(relacl) AS given
WHERE whole.rolname = $2 AND given.grantee = member.oid AND NOT EXISTS (
    SELECT FROM pg_policy WHERE polrelid = pg_class.oid AND polroles = ARRAY[member.oid]
)
"""
"""Roles of tenants that may read `streams`, and no policy says of which tenant."""

_EVERYONE: Final = "pg_everyone"
_OF_TENANT: Final = "pg_of_tenant"
_IS_IDENTITY: Final = "pg_identity"

FORMER: Final = ("everyone", "of_tenant", "identity")
"""What they were called before, when a role could be called so too."""


def renamed(schema: str, found: Collection[tuple[str, str]]) -> list[str]:
    """Name policies on `streams`, given as policy and role, as their roles are called now.

    First they step aside: two roles may have swapped their names.
    """
    streams, right = table_of(schema, "streams"), {role for name, role in found if name == role}
    aside: list[str] = []
    back: list[str] = []
    for name, role in found:
        if name == role:
            continue
        if role in right:
            aside.append(f"DROP POLICY {quoted(name)} ON {streams}")
            continue
        right.add(role)
        between = quoted(f"pg_{sha256(role.encode()).hexdigest()[:32]}")
        aside.append(f"ALTER POLICY {quoted(name)} ON {streams} RENAME TO {between}")
        back.append(f"ALTER POLICY {between} ON {streams} RENAME TO {quoted(role)}")
    return [*aside, *back]


def outdated(schema: str, tables: Iterable[str], roles: Collection[str]) -> list[str]:
    """Drop policies that go by a former name; on `streams` not those that `roles` go by."""
    return [
        f"DROP POLICY IF EXISTS {name} ON {table_of(schema, table)}"
        for table in tables
        for name in FORMER
        if table != "streams" or name not in roles
    ]


def closed(schema: str, roles: Iterable[str]) -> list[str]:
    """Take `streams` from roles of tenants of which nobody knows any more which tenant it was."""
    streams = table_of(schema, "streams")
    return [f"REVOKE ALL ON {streams} FROM {quoted(role)}" for role in roles]


def row_security(schema: str) -> list[str]:
    """Limit the roles of tenants to the rows of their streams, in the tables of the log."""
    place, group = quoted(schema), quoted_role(schema, GROUP)
    owner = quoted_role(schema, OWNER)
    own = f"{place}.is_own(stream_id)"
    written = {"queue": f"{place}.is_new(stream_id, version, recorded_at)"}
    free = f"{_own_stream(schema)} OR NOT {place}.is_taken(stream_id)"
    functions = [f"{place}.{name}({takes})" for name, takes in _FUNCTIONS.items()]
    return [
        *_functions(schema),
        *[f"ALTER FUNCTION {function} OWNER TO {owner}" for function in functions],
        *[f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC" for function in functions],
        *[f"GRANT EXECUTE ON FUNCTION {function} TO {group}" for function in functions],
        *_open(schema, "streams"),
        f"DROP POLICY IF EXISTS {_IS_IDENTITY} ON {place}.streams",
        (
            f"CREATE POLICY {_IS_IDENTITY} ON {place}.streams AS RESTRICTIVE FOR INSERT TO {group}"
            f" WITH CHECK (stream_id = {_IDENTITY})"
        ),
        *[
            step
            for table in OF_STREAMS
            for step in _policies(schema, table, _own_stream(schema), written.get(table, own))
        ],
        *_policies(schema, "keys", free, free),
        silence_all(schema, ("streams", "keys", *OF_STREAMS)),
    ]


def tenant_role(schema: str, tenant: str, role: str) -> list[str]:
    """Grant a role the conversations of one tenant."""
    streams, name = table_of(schema, "streams"), quoted(role)
    return [
        f"GRANT {quoted_role(schema, GROUP)} TO {name}",
        f"GRANT SELECT, {APPENDS['streams']} ON {streams} TO {name}",
        f"DROP POLICY IF EXISTS {name} ON {streams}",
        (
            f"CREATE POLICY {name} ON {streams} AS RESTRICTIVE TO {name}"
            f" USING (tenant = {literal(tenant)})"
        ),
    ]


def guard(
    schema: str, relation: str, columns: Collection[str] | None, there: Collection[str]
) -> list[str]:
    """Grant the roles of a log SELECT on a view's table, those of tenants on their own rows.

    The eraser and the log's owner may also change rows, to erase. Without `columns` the relation is
    an SQL view, which would show a tenant the rows of all: it gets no right. The sequencer becomes
    the owner, whoever made the table, because only its owner can make it again.
    """
    place = table_of(schema, relation)
    readers = {role_name(schema, role) for role in (OWNER, WRITER, READER, ERASER)}
    steps = [f"GRANT SELECT ON {place} TO {quoted(name)}" for name in sorted(readers & {*there})]
    if (group := role_name(schema, GROUP)) in there and columns is not None:
        steps.append(f"GRANT SELECT ON {place} TO {quoted(group)}")
        steps += silence(schema, relation, columns)
        steps += _policies(schema, relation, _visible(schema, columns))
    for eraser in (role_name(schema, role) for role in (ERASER, OWNER)):
        if eraser in there and columns is not None:
            steps.append(f"GRANT INSERT, UPDATE, DELETE ON {place} TO {quoted(eraser)}")
    if (sequencer := role_name(schema, SEQUENCER)) in there:
        steps.append(f"ALTER TABLE {place} OWNER TO {quoted(sequencer)}")
    return steps


def _policies(schema: str, table: str, visible: str, written: str | None = None) -> Sequence[str]:
    place, group = table_of(schema, table), quoted_role(schema, GROUP)
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
    place = table_of(schema, table)
    return (
        f"ALTER TABLE {place} ENABLE ROW LEVEL SECURITY",
        f"DROP POLICY IF EXISTS {_EVERYONE} ON {place}",
        f"CREATE POLICY {_EVERYONE} ON {place} USING (true) WITH CHECK (true)",
    )


def _visible(schema: str, columns: Collection[str]) -> str:
    """Return the condition for rows of a tenant; no row is one's without a column that tells.

    PostgreSQL asks the cheapest condition first, of a client's those that cannot fail: EXPLAIN
    ANALYZE would count what they leave of other tenants' rows. So nothing is cheaper than these.
    """
    if "tenant" in columns:
        return f"tenant = (SELECT {quoted(schema)}.own_tenant())"
    return _own_stream(schema) if "stream_id" in columns else "false"


def _own_stream(schema: str) -> str:
    return f"{quoted(schema)}.in_own_streams(stream_id)"


_FUNCTIONS: Final[Mapping[str, str]] = {
    "own_tenant": "",
    "in_own_streams": "bytea",
    "is_own": "bytea",
    "is_taken": "bytea",
    "is_new": "bytea, bigint, bigint",
}


def _functions(schema: str) -> Sequence[str]:
    """Create the functions that policies call; every name is qualified, whatever the search_path.

    `in_own_streams` is said to cost nothing, so that it is asked before whatever a client asks.
    `is_own` and `is_new` are volatile to see what the statement itself has just stored. `is_taken`
    has the owner's eyes. An event that is of this transaction has no position yet.
    """
    place, same = quoted(schema), "OPERATOR(pg_catalog.=)"
    stream = f"SELECT FROM {place}.streams s WHERE s.stream_id {same} wanted"
    event = (
        f"SELECT FROM {place}.events e WHERE e.stream_id {same} wanted AND e.version {same} number"
        f" AND e.recorded_at {same} at"
        f" AND e.xmin {same} pg_catalog.pg_current_xact_id()::pg_catalog.xid"
    )
    first = f"SELECT s.tenant FROM {place}.streams s ORDER BY s.tenant, s.name, s.branch LIMIT 1"
    owners = "STABLE SECURITY DEFINER SET search_path = ''"
    return [
        (
            f"CREATE OR REPLACE FUNCTION {place}.own_tenant() RETURNS text LANGUAGE plpgsql STABLE"
            f" PARALLEL SAFE AS {literal(f' BEGIN RETURN ({first}); END ')}"
        ),
        _function(
            f"{place}.in_own_streams(wanted bytea)", "STABLE PARALLEL SAFE COST 0.0001", stream
        ),
        _function(f"{place}.is_own(wanted bytea)", "VOLATILE", stream),
        _function(f"{place}.is_taken(wanted bytea)", owners, stream),
        _function(f"{place}.is_new(wanted bytea, number bigint, at bigint)", "VOLATILE", event),
    ]


def _function(name: str, how: str, found: str) -> str:
    body = literal(f" BEGIN RETURN EXISTS ({found}); END ")
    return f"CREATE OR REPLACE FUNCTION {name} RETURNS boolean LANGUAGE plpgsql {how} AS {body}"


def _prefixed(column: str) -> str:
    data = f"convert_to({column}, 'UTF8')"
    return f"int8send(octet_length({data})) || {data}"


_IDENTITY: Final = (
    f"substring(sha256({_prefixed('tenant')} || {_prefixed('name')} ||"
    f" CASE branch WHEN '' THEN '' ELSE {_prefixed('branch')} END) FROM 1 FOR 16)"
)
"""What docs/format.md says of a stream's identity."""
