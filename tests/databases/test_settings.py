"""What an administrator set for a database or a role does not change what a log answers."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from eventlog import ErasedError, EventLog
from eventlog.errors import NotAnEventLogError
from eventlog.operations import create_roles, migrate, repair_feed
from eventlog.store.postgres import pools, repair, roles, statements
from eventlog.store.postgres.store import PostgresStore
from eventlog.store.sql import row_security
from eventlog.store.sql.session import SETTINGS
from eventlog_projections import Conversation, erase
from eventlog_projections.views import Views, search
from tests.backends import PostgresBackend

HOSTILE: Final = {
    "array_nulls": "off",
    "backslash_quote": "off",
    "bytea_output": "escape",
    "check_function_bodies": "off",
    "client_min_messages": "debug1",
    "datestyle": "SQL, DMY",
    "default_text_search_config": "pg_catalog.german",
    "default_transaction_deferrable": "on",
    "default_transaction_isolation": "serializable",
    "extra_float_digits": "-15",
    "gin_fuzzy_search_limit": "1",
    "intervalstyle": "iso_8601",
    "plan_cache_mode": "force_generic_plan",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "search_path": "trap",
    "session_replication_role": "replica",
    "standard_conforming_strings": "off",
    "synchronous_commit": "off",
    "timezone": "Asia/Kathmandu",
    "transform_null_equals": "on",
}
DATABASE: Final = "hostile"

TRAP: Final = (
    "CREATE SCHEMA trap",
    (
        "CREATE FUNCTION trap.phraseto_tsquery(text, varchar) RETURNS tsquery LANGUAGE sql"
        " AS $$ SELECT 'trap'::tsquery $$"
    ),
)


@pytest.fixture
async def hostile(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    """A log on a database with settings that change what SQL means."""
    async with database(postgres_url, DATABASE) as url:
        connection = await asyncpg.connect(url)
        for statement in TRAP:
            await connection.execute(statement)
        for name, value in HOSTILE.items():
            await connection.execute(f"ALTER DATABASE {DATABASE} SET {name} = '{value}'")
        await connection.close()
        backend = PostgresBackend(url)
        await migrate(backend.url, **backend.options)
        yield backend
        await backend.discard()


@contextlib.asynccontextmanager
async def database(server: str, name: str, options: str = "") -> AsyncGenerator[str]:
    """Make a database for the block; return its URL."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.close()


async def test_a_conversation_lives_as_anywhere(hostile: PostgresBackend) -> None:
    """Written by many at once, popped, forked, searched, erased, verified."""
    async with hostile.open() as log:
        chat = Conversation(log, "chat \\ '")
        words = [{"role": "user", "content": f"the quick fox {number}"} for number in range(20)]
        await asyncio.gather(*(chat.add([word]) for word in words))
        popped = await asyncio.gather(*(chat.pop() for _ in range(5)))
        assert len({str(item) for item in popped}) == 5
        fork = await chat.fork("chat", branch="idea")
        assert await fork.items() == await chat.items()
        views = Views(log)
        assert len(await search(views, "the quick", conversation=chat.name)) == 20
        assert await views.check("search") == []
        await erase(log, chat.name, by="dpo", reason="gdpr-17")
        with pytest.raises(ErasedError):
            await chat.items(as_of=1)
        assert (await log.verify()).ok


async def test_settings_that_change_answers_are_our_own(hostile: PostgresBackend) -> None:
    """On every connection of a log; the others are left to who set them."""
    async with hostile.open() as log:
        await log.version("chat")
        store = log.spi._store
        assert isinstance(store, PostgresStore)

        async def ask(connection: Any) -> dict[str, str]:
            return {name: await connection.fetchval(f"SHOW {name}") for name in HOSTILE}

        found = await store.runner.pools.run(ask)
    expected = {**SETTINGS, "synchronous_commit": "on"}
    assert {name: found[name] for name in expected} == expected
    assert found["timezone"] == HOSTILE["timezone"]


async def test_a_tenant_sees_its_own_rows(hostile: PostgresBackend) -> None:
    """Row-level security is on for its role, whatever is set for it."""
    role = f"{hostile.schema}_ours"
    names = await create_roles(hostile.url, **hostile.options, tenant="ours", role=role)
    try:
        await hostile.execute(f"ALTER ROLE {role} LOGIN")
        for tenant in ("ours", "theirs"):
            async with hostile.open(tenant=tenant) as log:
                await Conversation(log, "chat").add([{"of": tenant}])
        url = make_url(hostile.url).set(username=role).render_as_string(hide_password=False)
        own = PostgresBackend(url)
        own.options = hostile.options
        async with own.open(tenant="ours") as log:
            assert await Conversation(log, "chat").items() == [{"of": "ours"}]
            await Conversation(log, "chat").add(["more"])
        async with own.open(tenant="theirs") as log:
            assert await log.streams().all() == []
    finally:
        for name in names:
            await hostile.execute(f"DROP OWNED BY {name} CASCADE")
        for name in names:
            await hostile.execute(f"DROP ROLE {name}")


async def test_roles_and_repairs_do_not_depend_on_how_strings_are_read(
    hostile: PostgresBackend,
) -> None:
    """A name is a name, with backslashes and quotes, and no pattern matches more than it says."""
    writer, own = f"{hostile.schema}_writer", f"{hostile.schema}_own"
    for statement in (
        "CREATE ROLE moretenants",
        f"CREATE ROLE {writer}",
        f"GRANT moretenants TO {writer}",
    ):
        await hostile.execute(statement)
    tenant = "a \\' b"
    names = await create_roles(hostile.url, **hostile.options, tenant=tenant, role=own)
    try:
        await hostile.execute(f"ALTER ROLE {own} LOGIN")
        async with hostile.open(tenant=tenant) as log:
            await Conversation(log, "chat").add(["theirs"])
        url = make_url(hostile.url).set(username=own).render_as_string(hide_password=False)
        theirs = PostgresBackend(url)
        theirs.options = hostile.options
        async with theirs.open(tenant=tenant) as log:
            assert await Conversation(log, "chat").items() == ["theirs"]
        async with hostile.open() as log:
            assert await repair_feed(log) == ([], None)
    finally:
        for name in (*names, "moretenants"):
            await hostile.execute(f"DROP OWNED BY {name} CASCADE")
        for name in (*names, "moretenants"):
            await hostile.execute(f"DROP ROLE {name}")


def test_no_statement_has_a_backslash_in_a_plain_literal() -> None:
    """With standard_conforming_strings off it would say something else; PgBouncer sets nothing."""
    nouns = statements.of("eventlog")
    texts = [known.text for noun in nouns for known in noun.every().values()]
    for module in (pools, repair, roles, row_security):
        texts += [value for value in vars(module).values() if type(value) is str]
    assert len(texts) > 100
    assert [text for text in texts if re.search(r"(?<!E)'[^']*\\[^']*'", text)] == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
async def test_a_database_that_does_not_hold_every_text_is_refused(
    postgres_url: str, encoding: str
) -> None:
    """Before anything is made there; the error says which database to make."""
    options = f"ENCODING '{encoding}' LOCALE 'C'"
    async with database(postgres_url, encoding.lower(), options) as url:
        with pytest.raises(NotAnEventLogError, match="UTF8"):
            await migrate(url)
        async with EventLog(url) as log:
            with pytest.raises(NotAnEventLogError, match="UTF8"):
                await log.version("chat")
        connection = await asyncpg.connect(url)
        assert not await connection.fetch("SELECT FROM pg_namespace WHERE nspname = 'eventlog'")
        await connection.close()
