"""Names of roles cannot collide, in one database or in a cluster of several."""

import contextlib
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog, ItemsAdded
from eventlog.errors import InvalidOptionError
from eventlog.operations import create_roles, migrate
from eventlog_projections.views import Views
from tests import distributing
from tests.backends import PostgresBackend
from tests.databases.roles.conftest import Roled
from tests.options import grouped

TENANTS: Final = "SELECT DISTINCT tenant FROM {}streams ORDER BY tenant"
CHOSEN: Final = ["identity", "everyone", "of_tenant", "tenants", "owner", "events", "x" * 20, 'a"b']


async def two(roled: Roled) -> None:
    for tenant in ("ours", "theirs"):
        await roled.open("writer", tenant=tenant).append("chat", ItemsAdded(["a"]))


async def as_role(roled: Roled, role: str, statement: str) -> list[Any]:
    url = make_url(roled.backend.url).set(username=role).render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    try:
        text = statement.replace("{}", f"{roled.backend.schema}.")
        return [row[0] for row in await connection.fetch(text)]
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def role_called(roled: Roled, name: str) -> AsyncGenerator[str]:
    """Make a role that can log in; names are of the cluster, so it goes at the end."""
    quoted = name.replace('"', '""')
    await roled.backend.execute(f'CREATE ROLE "{quoted}" LOGIN')
    try:
        yield name
    finally:
        await roled.backend.execute(f'DROP OWNED BY "{quoted}"')
        await roled.backend.execute(f'DROP ROLE "{quoted}"')


@pytest.mark.parametrize("name", CHOSEN)
async def test_whatever_a_tenants_role_is_called_it_sees_its_tenant(
    roled: Roled, name: str
) -> None:
    """And everybody else what they saw before; also after the roles are created anew."""
    await two(roled)
    async with role_called(roled, name):
        await create_roles(roled.backend.url, **roled.backend.options, tenant="ours", role=name)
        for again in (False, True):
            if again:
                await roled.create()
            assert await as_role(roled, name, TENANTS) == ["ours"]
            assert await as_role(roled, name, "SELECT version FROM {}events") == [1]
            for role in ("writer", "reader", "sequencer"):
                found = await roled.run(role, TENANTS)
                assert found == [("ours",), ("theirs",)], role


@pytest.mark.parametrize("name", ["identity", "everyone"])
async def test_what_an_earlier_release_made_is_put_right(roled: Roled, name: str) -> None:
    """Its policies shared names with roles: a role keeps its own, or sees nothing at all."""
    await two(roled)
    await roled.create(tenant="ours")
    place, group = "{}streams", roled.name("tenants")
    async with role_called(roled, name), role_called(roled, "lost"):
        for role in (name, "lost"):
            await roled.backend.execute(f'GRANT "{group}" TO "{role}"')
            await roled.backend.execute(f'GRANT SELECT ON {place} TO "{role}"')
        await roled.backend.execute(
            f'CREATE POLICY "{name}" ON {place} AS RESTRICTIVE TO "{name}"'
            " USING (tenant = 'ours')"
        )
        assert await as_role(roled, "lost", TENANTS) == ["ours", "theirs"]
        await roled.create()
        assert await as_role(roled, name, TENANTS) == ["ours"]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_role(roled, "lost", TENANTS)
        assert await roled.run("tenant_ours", TENANTS) == [("ours",)]
        assert await roled.run("writer", TENANTS) == [("ours",), ("theirs",)]


async def test_a_role_that_was_renamed_keeps_its_tenant(roled: Roled) -> None:
    """Also where another one goes by its name now."""
    await two(roled)
    url, options = roled.backend.url, roled.backend.options
    async with role_called(roled, "second"), role_called(roled, "third"):
        await create_roles(url, **options, tenant="ours", role="second")
        await create_roles(url, **options, tenant="theirs", role="third")
        for old, new in (("second", "between"), ("third", "second"), ("between", "third")):
            await roled.backend.execute(f"ALTER ROLE {old} RENAME TO {new}")
        await roled.create()
        assert await as_role(roled, "third", TENANTS) == ["ours"]
        assert await as_role(roled, "second", TENANTS) == ["theirs"]
        await create_roles(url, **options, tenant="ours", role="third")
        assert await as_role(roled, "second", TENANTS) == ["theirs"]


@pytest.mark.parametrize("role", ["owner", "writer", "reader", "sequencer", "eraser", "tenants"])
async def test_a_role_of_the_log_is_no_tenants(roled: Roled, role: str) -> None:
    """It would limit everybody who has it; nothing has changed."""
    await two(roled)
    with pytest.raises(InvalidOptionError, match="cannot be a tenant's"):
        await roled.create(tenant="ours", role=roled.name(role))
    assert await roled.run("writer", TENANTS) == [("ours",), ("theirs",)]


async def test_roles_that_no_policy_binds_are_refused(roled: Roled) -> None:
    """A superuser, a role that bypasses policies, a member of the owner; reserved names."""
    async with role_called(roled, "mighty"):
        for right in ("SUPERUSER", "NOSUPERUSER BYPASSRLS"):
            await roled.backend.execute(f"ALTER ROLE mighty {right}")
            with pytest.raises(InvalidOptionError, match="no policy binds"):
                await roled.create(tenant="ours", role="mighty")
        await roled.backend.execute("ALTER ROLE mighty NOBYPASSRLS")
        await roled.backend.execute(f'GRANT "{roled.name("owner")}" TO mighty')
        with pytest.raises(InvalidOptionError, match="no policy binds"):
            await roled.create(tenant="ours", role="mighty")
    for name in ("postgres", "public", "none", "pg_read_all_data", "pg_everyone", "", "x" * 64):
        with pytest.raises(InvalidOptionError):
            await create_roles(roled.backend.url, **roled.backend.options, tenant="ours", role=name)


async def test_logs_whose_schemas_continue_each_other_do_not_share_roles(roled: Roled) -> None:
    """`a_tenant` has an owner, and a tenant of `a` may be called so."""
    await roled.create(tenant="owner")
    schema = f"{roled.backend.schema}_tenant"
    await migrate(roled.backend.url, schema=schema)
    try:
        with pytest.raises(InvalidOptionError, match="another schema"):
            await create_roles(roled.backend.url, schema=schema)
        with pytest.raises(InvalidOptionError, match="cannot be a tenant's"):
            await create_roles(
                roled.backend.url,
                **roled.backend.options,
                tenant="ours",
                role=f"{schema}_writer",
            )
    finally:
        await roled.backend.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
async def beside(roled: Roled) -> AsyncIterator[str]:
    """Another database of the cluster, with a log in a schema of the same name, without roles."""
    name = f"b_{roled.backend.schema}"
    async with distributing.database(roled.backend.url, name) as url:
        await migrate(url, **roled.backend.options)
        yield url


async def test_roles_of_another_database_change_nothing_in_this_one(
    roled: Roled, beside: str
) -> None:
    """Views made where no roles were made are their maker's, and he can read them."""
    await roled.create(tenant="ours")
    async with EventLog(beside, **grouped(**roled.backend.options)) as log:
        await log.append("chat", ItemsAdded([{"role": "user", "content": "Hello"}]))
        views = Views(log)
        await views.catch_up()
        await views.rebuild("turns")
        connection = await asyncpg.connect(beside)
        try:
            for view in ("turns", "conversations", "usage"):
                rows = f"SELECT * FROM {roled.backend.schema}.{view}"
                with contextlib.suppress(asyncpg.UndefinedTableError):
                    assert len(await connection.fetch(rows)) <= 1
            granted = await connection.fetchval(
                "SELECT count(*) FROM pg_class CROSS JOIN aclexplode(relacl) AS given"
                " WHERE relnamespace = $1::regnamespace AND grantee <> relowner",
                roled.backend.schema,
            )
            assert granted == 0
            owned = await connection.fetchval(
                "SELECT count(DISTINCT relowner) FROM pg_class WHERE relkind IN ('r', 'v')"
                " AND relnamespace = $1::regnamespace",
                roled.backend.schema,
            )
            assert owned == 1
        finally:
            await connection.close()


async def test_a_second_database_gets_roles_of_its_own_rights(roled: Roled, beside: str) -> None:
    """Without tenants there, roles of tenants here have no right there."""
    await roled.create(tenant="ours")
    await create_roles(beside, **roled.backend.options)
    connection = await asyncpg.connect(beside)
    try:
        group = roled.name("tenants")
        assert not await connection.fetchval(
            "SELECT has_schema_privilege($1, $2, 'USAGE')", group, roled.backend.schema
        )
        assert not await connection.fetchval("SELECT count(*) FROM pg_policy")
    finally:
        await connection.close()


@pytest.mark.parametrize("role", ["owner", "sequencer"])
async def test_a_role_of_the_log_may_create_the_roles(postgres_url: str, role: str) -> None:
    """Who is called as the log's owner made it and is its owner; no role is its own member."""
    roled = Roled(PostgresBackend(postgres_url))
    name = roled.name(role)
    await roled.backend.execute(f"CREATE ROLE {name} LOGIN CREATEROLE")
    await roled.backend.execute(f"GRANT CREATE ON DATABASE postgres TO {name}")
    try:
        await migrate(roled.url(role), **roled.backend.options)
        for _ in range(2):
            assert name in await roled.create(roled.url(role))
        await roled.open("writer").append("chat", ItemsAdded(["a"]))
        assert (await roled.open("reader").verify()).ok
        assert await roled.open(role).position() == 1
    finally:
        roled.names.add(name)
        await roled.discard()


@pytest.mark.parametrize(
    "schema", ["two$$dollars", "$q$", "it's", 'sa"id', ":bound", "back\\slash", "%s"]
)
async def test_a_schema_may_be_called_anything(postgres_url: str, schema: str) -> None:
    """A log is made there, with roles and with those of a tenant, and each does what it may."""
    schema += uuid.uuid4().hex[:8]
    given = {"schema": schema}
    quoted = schema.replace('"', '""')
    admin = await asyncpg.connect(postgres_url)
    names: set[str] = set()
    try:
        await migrate(postgres_url, **given)
        names |= set(await create_roles(postgres_url, **given))
        if distributing.kind() is None:
            names |= set(await create_roles(postgres_url, **given, tenant="acme"))
        async with EventLog(postgres_url, **grouped(**given, tenant="acme")) as log:
            await log.append("chat", ItemsAdded(["a"]))
            assert (await log.verify()).ok
        await migrate(postgres_url, **given)
    finally:
        await admin.execute(f'DROP SCHEMA IF EXISTS "{quoted}" CASCADE')
        for name in names:
            role = name.replace('"', '""')
            await admin.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')
        await admin.close()
