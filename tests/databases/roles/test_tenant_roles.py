"""A role of one tenant: the database itself shows it nothing of the others."""

import asyncio
from typing import Final

import asyncpg
import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import ReadOnlyError
from eventlog.format.chain import stream_id
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import migrate
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from eventlog_projections.views import Views
from tests.backends import PostgresBackend
from tests.contract.log import tenant_reads as reads
from tests.contract.log.test_tenants import check
from tests.databases.roles.conftest import Roled

SHARED: Final = {
    "feed_head": "one number: how many events there are in all",
    "lease": "which process is at work",
    "checkpoints": "how far views are",
    "tree": "hashes of salted hashes",
    "tree_heads": "signed for everybody",
    "eventlog_version": "the revision",
}
"""What all tenants see alike: nothing of it is of a tenant."""

OURS: Final = "tenant_ours"


@pytest.fixture
async def theirs(roled: Roled) -> EventLog:
    """What another tenant has, in every table, encrypted in part; and a role of ours."""
    await roled.create(tenant="ours")
    log = roled.open("writer", tenant=reads.THEIRS)
    await reads.fill(log)
    await reads.finish(roled.open("sequencer"), roled.backend)
    return log


async def tables(roled: Roled) -> list[str]:
    rows = await roled.backend.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = ?::regnamespace",
        roled.backend.schema,
    )
    return [str(row[0]) for row in rows]


async def test_no_table_shows_or_counts_rows_of_another_tenant(
    roled: Roled, theirs: EventLog
) -> None:
    """Whatever SQL it sends; views that were made since, and made anew, are guarded as well."""
    await Views(roled.open("sequencer")).rebuild("search")
    await theirs.append("waits", ItemsAdded([reads.MARKER]))
    await roled.backend.execute("INSERT INTO {}lease VALUES ('sequencer', 'x', 0)")
    await roled.backend.execute(
        "INSERT INTO {}keys VALUES (?, '1', 'kek', '')", stream_id(reads.THEIRS, reads.SECRET)
    )
    await roled.backend.execute(
        "INSERT INTO {}misplaced VALUES (?, 4711, 1, 0)", stream_id(reads.THEIRS, reads.SECRET)
    )
    names = await tables(roled)
    assert {"view_items_2", "events", "keys", *SHARED} <= set(names)
    for name in names:
        ((there,),) = await roled.backend.execute(f"SELECT count(*) FROM {{}}{name}")
        assert there, name
        if name not in SHARED:
            assert await roled.run(OURS, f"SELECT * FROM {{}}{name}") == [], name
    for view in await roled.backend.execute(
        "SELECT viewname FROM pg_views WHERE schemaname = ?", roled.backend.schema
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await roled.run(OURS, f"SELECT * FROM {{}}{view[0]}")


async def test_its_own_rows_are_there(roled: Roled) -> None:
    """A whole session, encrypted: it appends, snapshots, and reads its views."""
    await roled.create(tenant="ours")
    ring = parse_keyring(new_key("kek"))
    log = roled.open(OURS, tenant="ours", keyring=ring)
    session = EventLogSession("mine", log=log)
    await session.add_items([{"role": "user", "content": str(n)} for n in range(300)])
    await session.pop_item()
    await session.create_branch_from_turn(2, "idea")
    assert len(await session.get_items()) == 1
    await log.spi.background.finish()
    assert log.counters.snapshots_failed == 0
    await Views(roled.open("sequencer", keyring=ring)).catch_up()
    assert [event.stream async for event in log.feed()] == ["mine"] * 3
    names = [f"many-{number}" for number in range(10)]
    await asyncio.gather(*[log.append(name, ItemsAdded([name])) for name in names])  # Together.
    found = await log.verify()
    assert (found.ok, found.conversations) == (True, 12)
    for name in ("streams", "events", "feed", "keys", "snapshots", "view_conversations_1"):
        assert await roled.run(OURS, f"SELECT 1 FROM {{}}{name}"), name


async def test_through_our_own_calls_theirs_reads_like_nothing(
    roled: Roled, theirs: EventLog
) -> None:
    """Every public read, with their names, over connections of the tenant's role."""
    ours = roled.open(OURS, tenant="ours")
    await ours.append("mine", ItemsAdded(["own"]))
    await Views(roled.open("sequencer")).catch_up()
    check(await reads.answers(ours, reads.SECRET), await reads.answers(ours, reads.NOBODY))


async def test_a_handle_of_another_tenant_finds_nothing_and_stores_nothing(roled: Roled) -> None:
    """The role decides, not the name that a program gives."""
    await roled.create(tenant="ours")
    theirs = roled.open("writer", tenant=reads.THEIRS)
    await theirs.append(reads.SECRET, ItemsAdded([reads.MARKER]))
    other = roled.open(OURS, tenant=reads.THEIRS)
    assert await Conversation(other, reads.SECRET).items() == []
    assert await other.streams().all() == []
    with pytest.raises(ReadOnlyError):
        await other.append("new", ItemsAdded(["no"]))
    before = await theirs.version(reads.SECRET)
    with pytest.raises(ReadOnlyError):
        await other.append(reads.SECRET, ItemsAdded(["no"]))
    assert await theirs.version(reads.SECRET) == before


async def test_nothing_is_written_into_streams_of_another_tenant(
    roled: Roled, theirs: EventLog
) -> None:
    """Not an event, a place in the queue, a snapshot; nor a stream under an id that is theirs."""
    of_theirs = stream_id(reads.THEIRS, "later")
    for statement in (
        "INSERT INTO {}streams VALUES ($1, 'ours', 'x', 1, '', 0, NULL, NULL, 0)",
        f"INSERT INTO {{}}streams VALUES ($1, '{reads.THEIRS}', 'later', 1, '', 0, NULL, NULL, 0)",
        "INSERT INTO {}events VALUES"
        " ($1, 9, 1, NULL, 'added', 1, 0, '', 0, NULL, '', '', '', '', '')",
        "INSERT INTO {}queue VALUES ($1, 9, 0)",
        "INSERT INTO {}snapshots VALUES ($1, 1, 1, '', '')",
        "INSERT INTO {}segments VALUES ($1, 1, '')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await roled.run(OURS, statement, of_theirs)
    for table in ("snapshots", "segments"):
        await roled.run(OURS, f"DELETE FROM {{}}{table}")
        assert await roled.backend.execute(f"SELECT 1 FROM {{}}{table}"), table
    await roled.run(OURS, "UPDATE {}streams SET version = 0")
    assert (await theirs.verify()).ok


async def test_no_setting_opens_it(roled: Roled) -> None:
    """Nothing that a client may set is asked; the policies are not its to change."""
    await roled.create(tenant="ours")
    await roled.open("writer", tenant=reads.THEIRS).append("chat", ItemsAdded(["a"]))
    seen = "DO $$ BEGIN IF EXISTS (SELECT FROM {}streams) THEN RAISE 'seen'; END IF; END $$"
    await roled.allowed(
        OURS,
        [
            seen,
            f"SET row_security = off; {seen}",
            f"SET search_path = pg_temp; {seen}",
            f"SET session_replication_role = replica; {seen}",
            f'SET ROLE "{roled.name("owner")}"; {seen}',
            f'SET ROLE "{roled.name("tenants")}"; {seen}',
            f'DROP POLICY "{roled.name(OURS)}" ON {{}}streams; {seen}',
        ],
    )
    with pytest.raises(asyncpg.RaiseError, match="seen"):
        await roled.allowed("reader", [seen])


async def test_partitions_are_closed(postgres_url: str) -> None:
    """Rows are seen through their table, where the policies are, and not past it."""
    roled = Roled(PostgresBackend(postgres_url))
    try:
        await migrate(postgres_url, **roled.backend.options, partitions=2)
        await roled.create(tenant="ours")
        await roled.open("writer", tenant=reads.THEIRS).append("chat", ItemsAdded(["a"]))
        await roled.open(OURS, tenant="ours").append("chat", ItemsAdded(["a"]))
        assert len(await roled.run(OURS, "SELECT 1 FROM {}events")) == 1
        parts = [f"SELECT 1 FROM {{}}events_{number}" for number in range(2)]
        assert await roled.allowed(OURS, parts) == []
    finally:
        await roled.discard()


async def test_others_pay_nothing(roled: Roled) -> None:
    """With policies in place, the plan of a writer and of a reader has none of them in it."""
    await roled.create(tenant="ours")
    explain = "EXPLAIN (COSTS off) SELECT * FROM {}events WHERE stream_id = ''"
    for role in ("writer", "reader", OURS):
        plan = repr(await roled.run(role, explain))
        assert ("SubPlan" in plan or "streams" in plan) == (role == OURS), role
