"""PgBouncer in transaction mode: every statement may run on another server connection."""

import asyncio
import contextlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import URL, make_url

from eventlog import (
    ConflictError,
    EventLog,
    ItemsAdded,
    NewEvent,
    PostgresOptions,
    Signer,
    UnavailableError,
)
from eventlog.errors import InvalidOptionError
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import migrate, rekey, sign_head
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from eventlog_projections.disposal.erasing import erase
from eventlog_projections.views import Views
from eventlog_projections.views.queries import conversations, search
from tests import servers
from tests.backends import PostgresBackend
from tests.faults.bench import lock, running
from tests.faults.ledger import Ledger
from tests.faults.proxy import Proxy
from tests.options import grouped
from tests.waiting import until

SIGNER = Signer("example.com/log", bytes(range(32)))
TRACKED = {"user", "database", "application_name", "client_encoding", "DateStyle", "TimeZone"}
"""What PgBouncer lets a client set when it connects (https://www.pgbouncer.org/config.html)."""


@pytest.fixture
async def backend(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    opened = PostgresBackend(postgres_url)
    yield opened
    await opened.discard()


async def use(log: EventLog, stream: str) -> None:
    """Call what a session calls, with every form of an append."""
    conversation = Conversation(log, stream)
    await conversation.add(["a"])
    await conversation.add(["b", "c"])
    await log.append(stream, [NewEvent(ItemsAdded([n]), event_id=f"id-{n}") for n in range(3)])
    again = await log.append(stream, NewEvent(ItemsAdded([0]), event_id="id-0"), expected_version=5)
    assert again.replayed
    with pytest.raises(ConflictError):
        await log.append(stream, ItemsAdded(["late"]), expected_version=1)
    assert await conversation.pop() == 2
    assert await conversation.items() == ["a", "b", "c", 0, 1]


async def test_nothing_is_sent_that_pgbouncer_would_refuse(backend: PostgresBackend) -> None:
    """On the wire, from the first migration on: no named statement, no setting of a session."""
    async with Proxy(backend.url) as proxy:
        async with EventLog(proxy.url, **grouped(pgbouncer=True, **backend.options)) as log:
            await asyncio.gather(*[use(log, f"chat-{number}") for number in range(5)])
            assert (await log.verify()).ok
        assert proxy.named == set()
        assert proxy.settings <= TRACKED
        # What is set for one transaction ends with it.
        settings = [text for text in proxy.said if text.startswith("SET ")]
        assert not [text for text in settings if not text.startswith("SET LOCAL ")]


async def test_without_the_option_statements_are_named(backend: PostgresBackend) -> None:
    """The check above can fail, and the option is what makes it pass."""
    async with Proxy(backend.url) as proxy:
        async with EventLog(proxy.url, **grouped(**backend.options)) as log:
            await use(log, "chat")
        assert proxy.named
        assert "synchronous_commit" in proxy.settings


async def test_nobody_listens_through_pgbouncer(backend: PostgresBackend) -> None:
    """LISTEN would stay on a server connection that belongs to somebody else; the feed polls."""
    async with Proxy(backend.url) as proxy:
        async with EventLog(
            proxy.url, poll_interval=0.01, **grouped(pgbouncer=True, **backend.options)
        ) as log:
            await log.append("chat", ItemsAdded(["a"]))
            async with contextlib.aclosing(log.subscribe()) as events:
                assert (await anext(events)).version == 1
                await log.append("chat", ItemsAdded(["b"]))
                assert (await anext(events)).version == 2
        assert not [text for text in proxy.said if "LISTEN" in text.upper().split()]


def test_a_durability_of_the_session_is_refused(postgres_url: str) -> None:
    """Sessions are shared: what one sets another gets."""
    with pytest.raises(InvalidOptionError, match="PgBouncer"):
        EventLog(postgres_url, durability="normal", postgres=PostgresOptions(pgbouncer=True))


async def test_a_server_that_commits_asynchronously_is_refused(backend: PostgresBackend) -> None:
    """The log cannot turn it on for itself there, and says so instead of losing events."""
    url = make_url(backend.url).update_query_dict({"synchronous_commit": "off"})
    log = EventLog(
        url.render_as_string(hide_password=False), **grouped(pgbouncer=True, **backend.options)
    )
    with pytest.raises(UnavailableError, match="synchronous_commit"):
        await log.append("chat", ItemsAdded(["a"]))
    await log.close()


def configuration(url: URL, folder: Path) -> str:
    host = url.query.get("host", url.host)
    return f"""
[databases]
{url.database} = host={host} port={url.port or 5432} dbname={url.database} user={url.username}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
auth_type = any
listen_port = 6432
pool_mode = transaction
default_pool_size = 3
logfile = {folder}/log
pidfile = {folder}/pid
"""


def owner(url: URL) -> str:
    """Return who may connect to the server's socket; PgBouncer refuses to run as root."""
    folder = url.query.get("host")
    user = os.stat(folder).st_uid if isinstance(folder, str) else os.getuid()
    return pwd.getpwuid(user or pwd.getpwnam("nobody").pw_uid).pw_name


@pytest.fixture
async def bouncer(postgres_url: str) -> AsyncIterator[str]:
    """A PgBouncer in transaction mode with three server connections; its URL."""
    binary = servers.pgbouncer()
    url = make_url(postgres_url)
    # A socket in a folder of its own, which no other run can take; sockets have short paths.
    with tempfile.TemporaryDirectory(prefix="pgb-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        settings = folder / "pgbouncer.ini"
        settings.write_text(configuration(url, folder))
        as_user = ["-u", owner(url)] if os.getuid() == 0 else []
        process = subprocess.Popen([binary, "-q", *as_user, os.fspath(settings)])
        try:
            there = url.set(host=None, port=None, query={"host": name, "port": "6432"})
            address = there.render_as_string(hide_password=False)
            await until(lambda: is_accepting(address, process), "PgBouncer takes connections")
            yield address
        finally:
            process.kill()
            process.wait()


async def is_accepting(url: str, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "PgBouncer has ended by itself"
    with contextlib.suppress(OSError):
        await (await asyncpg.connect(url)).close()
        return True
    return False


async def test_a_log_works_through_pgbouncer(bouncer: str, backend: PostgresBackend) -> None:
    """Twenty conversations on eight clients of three server connections: all as without it."""
    async with EventLog(bouncer, **grouped(pgbouncer=True, **backend.options)) as log:
        await asyncio.gather(*[use(log, f"chat-{number}") for number in range(20)])
        assert (await log.verify()).events == 20 * 6
    async with backend.open() as direct:
        assert (await direct.verify()).ok


async def test_migrating_works_through_pgbouncer(bouncer: str, backend: PostgresBackend) -> None:
    """Several at once, as a deployment of many processes does."""
    options: dict[str, Any] = backend.options
    await asyncio.gather(*[migrate(bouncer, **options) for _ in range(3)])
    async with EventLog(bouncer, **grouped(pgbouncer=True, **options)) as log:
        assert await log.version("chat") == 0


async def test_what_timed_out_through_pgbouncer_is_over_before_anyone_hears(
    bouncer: str, backend: PostgresBackend
) -> None:
    """No session can be told a limit there: it is cancelled, and each of a group answered."""
    ledger = Ledger()
    names = [f"chat-{number}" for number in range(12)]
    options = grouped(pgbouncer=True, statement_timeout=1.0, **backend.options)
    async with EventLog(bouncer, **options) as log, backend.open() as direct:
        await asyncio.gather(*[ledger.append(log, name, "first") for name in names])
        locking = await asyncpg.connect(backend.url)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(locking.close)
            await stack.enter_async_context(locking.transaction())
            await lock(locking, backend, log.tenant, ["chat-5"])
            await asyncio.gather(*[ledger.append(log, name, "next") for name in names])
            await ledger.append(log, "chat-5", "again")
            assert await running(backend) == 0
        assert ledger.not_stored.keys() == {("chat-5", "next"), ("chat-5", "again")}
        await ledger.check(direct)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_everything_that_a_log_does_works_through_pgbouncer(
    bouncer: str, backend: PostgresBackend, encrypted: bool
) -> None:
    """A session, the feed as it comes, views, search, a signed head, keys, and an erasure."""
    keyring = parse_keyring(new_key("kek")) if encrypted else None
    options = grouped(pgbouncer=True, **backend.options)
    async with EventLog(bouncer, keyring=keyring, poll_interval=0.01, **options) as log:
        session, views = EventLogSession("chat", log=log), Views(log)
        async with contextlib.aclosing(log.subscribe()) as events:
            await session.add_items([{"role": "user", "content": "where is my order?"}])
            await session.add_items([{"role": "assistant", "content": "on its way"}])
            assert [(await anext(events)).version for _ in range(2)] == [1, 2]
            assert await session.pop_item() is not None
            assert (await anext(events)).version == 3
        assert len(await session.get_items()) == 1
        assert [row.items for row in await conversations(views)] == [1]
        found = await search(views, "order")
        assert [each.version for each in found] == ([] if encrypted else [1])
        for status in await views.status():
            assert await views.check(status.view) == []
        head = await sign_head(log, SIGNER)
        if encrypted:
            await rekey(log, "chat")
        assert (await erase(log, "chat", by="test", reason="request")).pending == ()
        assert await session.get_items() == []
        assert await search(views, "order") == []
        assert (await log.verify(against=SIGNER.verifier.open(head.note))).ok
    async with backend.open() as direct:
        assert (await direct.verify()).ok
