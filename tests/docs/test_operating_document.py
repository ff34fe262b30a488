"""docs/operating.md is true: its steps back up PostgreSQL and put it back, with the roles."""

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog
from eventlog.operations import create_roles
from eventlog_projections import Conversation
from eventlog_projections.views import Views, conversations
from tests import servers
from tests.docs.pages import blocks, text
from tests.docs.test_copying_document import check, content, database, fill, on_guard, run, shell

MAKE, PUT_BACK, ELSEWHERE = blocks(text("docs/operating.md"), "sh")
TENANT_ROLE: Final = "tenant_of_default"
WRITER: Final = "eventlog_writer"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        yield servers.start_postgres(stack)


@pytest.fixture
async def source(server: str) -> AsyncIterator[str]:
    """A log in which something was erased, with the fixed roles and one of a tenant."""
    async with database(server, "source") as url:
        async with EventLog(url) as log:
            await fill(log)
        names = await create_roles(url)
        names += await create_roles(url, tenant="default", role=TENANT_ROLE)
        for name in names:
            await run(url, f'ALTER ROLE "{name}" LOGIN')
        yield url
    for name in dict.fromkeys(names):
        await run(server, f'DROP ROLE "{name}"')


async def steps(script: str, folder: Path, **urls: str) -> None:
    """Run a block of the page in a folder, with the programs of the server and ours."""
    program = folder / "eventlog"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m eventlog_cli "$@"\n')
    program.chmod(0o700)
    await shell(f'cd "{folder}"\nPATH="$PATH:{folder}"\n{script}', **urls)


def as_role(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)


async def check_roles(url: str) -> None:
    """A writer writes, a tenant sees its own, and neither may do more than before."""
    for role in (WRITER, TENANT_ROLE):
        async with EventLog(as_role(url, role)) as log:
            await Conversation(log, "of roles").add([role])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(as_role(url, role), "DELETE FROM eventlog.events")
    async with EventLog(url, tenant="other") as log:
        await Conversation(log, "hidden").add(["hidden"])
        await Views(log).catch_up()
    rows = await run(as_role(url, TENANT_ROLE), "SELECT DISTINCT tenant FROM eventlog.streams")
    assert [tuple(row) for row in rows] == [("default",)]
    async with EventLog(as_role(url, TENANT_ROLE)) as log:
        assert {row.name for row in await conversations(Views(log), stale=True)} >= {"kept"}


async def test_a_backup_is_put_back_in_its_place(source: str, tmp_path: Path) -> None:
    """What came after it is in the old schema, which goes; roles, views and guards work."""
    async with EventLog(source) as log:
        expected = await content(log)
    await steps(MAKE, tmp_path, LOG=source)
    guards = await on_guard(source)
    async with EventLog(source) as log:
        await Conversation(log, "kept").add(["lost"])
    await steps(PUT_BACK, tmp_path, LOG=source)
    assert await on_guard(source) == guards
    await run(source, "DROP SCHEMA eventlog_replaced CASCADE")
    async with EventLog(source) as log:
        await check(log, expected)
    await check_roles(source)


async def test_a_backup_is_put_back_in_another_cluster(source: str, tmp_path: Path) -> None:
    """The roles come first: without them the restore stops."""
    async with EventLog(source) as log:
        expected = await content(log)
    await steps(MAKE, tmp_path, LOG=source)
    guards = await on_guard(source)
    with contextlib.ExitStack() as stack:
        other = servers.start_postgres(stack)
        async with database(other, "target") as target:
            restore = 'pg_restore --exit-on-error --dbname="$NEW" log.dump'
            with pytest.raises(AssertionError, match="does not exist"):
                await steps(restore, tmp_path, NEW=target)
        async with database(other, "target") as target:
            await steps(ELSEWHERE, tmp_path, NEW=target)
            assert await on_guard(target) == guards
            async with EventLog(target) as log:
                await check(log, expected)
            await check_roles(target)
