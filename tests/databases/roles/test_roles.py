"""What each role of a log on PostgreSQL may do, and what not even a writer can."""

import asyncio
import contextlib
from typing import Any, Final

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog, ItemsAdded, Signer
from eventlog.errors import InvalidOptionError, ReadOnlyError
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import (
    create_roles,
    held_by,
    place_hold,
    rekey,
    rotate,
    work,
)
from eventlog.store.sql.schema import metadata
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation, erase, erase_event, rebuild
from eventlog_projections.views import Views, conversations, search, tools, turns, usage
from tests.backends import PostgresBackend
from tests.databases.roles.conftest import Roled
from tests.options import grouped

SIGNER: Final = Signer("example.com/log", bytes(range(32)))

TABLES: Final = {table.name: table for table in metadata("postgresql").tables.values()}
EVIDENCE: Final = ("events", "streams", "feed", "tree", "tree_heads", "keys", "eventlog_version")
HEAD: Final = {"version", "head_hash", "head_at", "key_id"}
"""What an append moves of a stream."""

TAMPERING: Final = [
    "ALTER TABLE {}%s DISABLE TRIGGER ALL",
    "ALTER TABLE {}%s ADD COLUMN more TEXT",
    "ALTER TABLE {}%s DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {}%s RENAME TO gone",
    "CREATE TRIGGER mine BEFORE INSERT ON {}%s FOR EACH ROW EXECUTE FUNCTION {}events_stay()",
    "CREATE RULE mine AS ON INSERT TO {}%s DO INSTEAD NOTHING",
    "CREATE POLICY mine ON {}%s USING (true)",
    "DROP TABLE {}%s CASCADE",
    "TRUNCATE {}%s",
    "DELETE FROM {}%s",
    "LOCK TABLE {}%s IN ACCESS EXCLUSIVE MODE",
]
"""Ways to be rid of what a table holds, or of what guards it."""

BEYOND: Final = [
    "SET session_replication_role = replica",
    "CREATE TABLE {}mine (a INTEGER)",
    "CREATE FUNCTION {}is_own(a INTEGER) RETURNS INTEGER LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION {}evidence_stays() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "DROP FUNCTION {}events_stay() CASCADE",
    "DROP TRIGGER events_rows ON {}events",
    "ALTER TABLE {}events ALTER COLUMN body TYPE TEXT USING 'x'",
    "DROP SCHEMA {schema} CASCADE",
    "ALTER SCHEMA {schema} OWNER TO CURRENT_USER",
    "SET ROLE {schema}_owner",
    "GRANT {schema}_owner TO CURRENT_USER",
]


def attempts(schema: str, updatable: set[str] = HEAD) -> list[str]:
    """Return every verb on every table that is evidence, and each column of it."""
    tampering = [each % table for table in EVIDENCE for each in TAMPERING]
    updates = [
        f"UPDATE {{}}{name} SET {column.name} = {column.name}"
        for name in EVIDENCE
        if name in TABLES
        for column in TABLES[name].columns
        if name != "streams" or column.name not in updatable
    ]
    return [*tampering, *updates, *[each.replace("{schema}", schema) for each in BEYOND]]


async def fill(log: EventLog) -> Conversation:
    chat = Conversation(log, "chat")
    await chat.add([{"role": "user", "content": "Hello"}])
    await chat.add(["one", "two"])
    return chat


async def test_a_writer_can_undo_nothing(roled: Roled) -> None:
    """Every verb on every table that is evidence, and on what guards it, is refused by grants."""
    log = roled.open("writer")
    await fill(log)
    await log.position()
    assert await roled.allowed("writer", attempts(roled.backend.schema)) == []
    assert (await log.verify()).events == 2


async def test_other_roles_can_undo_nothing_either(roled: Roled) -> None:
    """A reader, the sequencer, a tenant's role; of the eraser, but for what erasing takes."""
    await roled.create(tenant="default")
    await fill(roled.open("writer"))
    every = attempts(roled.backend.schema, set())
    assert await roled.allowed("reader", every) == []
    assert await roled.allowed("tenant_default", attempts(roled.backend.schema)) == []
    # A table of its own, for a view; and what follows from the feed.
    own = [each for each in every if "{}tree " not in each and "CREATE" not in each]
    signs = [f"UPDATE {{}}tree_heads SET {name} = {name}" for name in ("root", "note", "signed_at")]
    assert await roled.allowed("sequencer", own) == signs
    erased = {f"UPDATE {{}}events SET {name} = {name}" for name in ("salt", "context", "body")}
    moved = {f"UPDATE {{}}streams SET {name} = {name}" for name in (*HEAD, "erased_version")}
    wrapped = {f"UPDATE {{}}keys SET {name} = {name}" for name in ("kek_id", "wrapped_key")}
    allowed = await roled.allowed("eraser", [each for each in every if each not in erased])
    assert set(allowed) == moved | wrapped
    with pytest.raises(asyncpg.RaiseError, match="immutable"):
        await roled.run("eraser", "UPDATE {}events SET body = header")


async def test_a_writer_runs_a_whole_session(roled: Roled) -> None:
    """Appending, popping, clearing, branches, snapshots, the feed: nothing is missed."""
    log = roled.open("writer", keyring=parse_keyring(new_key("kek")))
    session = EventLogSession("chat", log=log)
    await session.add_items([{"role": "user", "content": str(number)} for number in range(300)])
    assert len(await session.get_items()) == 300
    await session.pop_item(actor="ana", reason="typo")
    await session.create_branch_from_turn(2, "idea")
    await session.add_items([{"role": "user", "content": "else"}])
    await session.undo()
    await session.label(title="Refund", owner="ana")
    await session.clear(actor="ana")
    await session.restore(3)
    await rekey(log, "chat")
    await place_hold(log, "chat", "case-1")
    assert await held_by(log, "chat") == ["case-1"]
    copy = await Conversation(log, "chat").fork("copy")
    assert await copy.items()
    assert await rebuild(log) == 3
    assert log.counters.snapshots_failed == 0
    assert len([event async for event in log.feed()]) == await log.position()
    assert await roled.run("writer", "SELECT count(*) FROM {}queue") == [(0,)]
    assert (await log.verify()).ok


async def test_writers_follow_the_feed_and_keep_it_growing(roled: Roled) -> None:
    """Without a sequencer of its own, whoever follows places."""
    log, stop = roled.open("writer"), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(work(log, stop))
        await fill(log)
        async with contextlib.aclosing(log.subscribe()) as events:
            assert [(await anext(events)).position for _ in range(2)] == [1, 2]
        stop.set()


async def test_only_the_sequencer_signs_and_fills_views(roled: Roled) -> None:
    """It places, signs, makes views and makes them anew; it appends and erases nothing."""
    writer, sequencer = roled.open("writer"), roled.open("sequencer")
    await fill(writer)
    views = Views(sequencer)
    await views.catch_up()
    head = await sequencer.tree.head(SIGNER)
    assert (await sequencer.verify(key=SIGNER.verifier)).ok
    await views.rebuild("turns")
    await views.show_items()
    await views.show_items(shown=False)
    with pytest.raises(ReadOnlyError):
        await sequencer.append("chat", ItemsAdded(["no"]))
    with pytest.raises(ReadOnlyError):
        await erase(sequencer, "chat", by="dpo", reason="no")
    await writer.append("chat", ItemsAdded(["more"]))
    await writer.position()
    with pytest.raises(ReadOnlyError):
        await writer.tree.head(SIGNER)
    assert [found.size for found in await writer.tree.heads().all()] == [head.size]


async def test_a_reader_reads_everything_and_stores_nothing(roled: Roled) -> None:
    """What waits for a position it leaves to others; a snapshot that is due is not stored."""
    writer, sequencer, reader = map(roled.open, ("writer", "sequencer", "reader"))
    await fill(writer)
    await Views(sequencer).catch_up()
    await sequencer.tree.head(SIGNER)
    await writer.append("chat", [ItemsAdded([number]) for number in range(300)])

    again = Conversation(reader, "chat")
    assert len(await again.items()) == len(await again.items(as_of=302)) == 303
    await reader.spi.background.finish()
    assert reader.counters.snapshots_failed == reader.counters.snapshots_written == 0
    assert await reader.position() == 2
    assert [event.version async for event in reader.feed()] == [1, 2]
    assert (await reader.tree.prove_inclusion("chat", 2)).size == 2
    assert (await reader.verify(against=None, key=SIGNER.verifier)).events == 302
    views = Views(reader)
    (found,) = await conversations(views)
    assert (found.name, found.items) == ("chat", 3)
    assert [turn.message for turn in await turns(views, "chat")] == ["Hello"]
    assert [hit.text for hit in await search(views, "Hello")] == ["Hello"]
    assert (await usage(views), await tools(views)) == ([], [])
    assert await roled.run("reader", "SELECT name FROM {}conversations") == [("chat",)]

    for change in (again.add(["no"]), again.clear(), reader.tree.head(SIGNER), rebuild(reader)):
        with pytest.raises(ReadOnlyError):
            await change
    assert await roled.backend.execute("SELECT count(*) FROM {}snapshots") == [(0,)]


async def test_a_reader_waits_for_those_who_may_place(roled: Roled) -> None:
    """What was committed is in the feed if a worker is there."""
    writer, reader, stop = roled.open("writer"), roled.open("reader"), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(work(roled.open("sequencer", poll_interval=0.01), stop))
        await fill(writer)
        await reader.wait_for(2)
        stop.set()
    assert [event.version async for event in reader.feed()] == [1, 2]


async def test_only_the_eraser_and_the_owner_erase(roled: Roled) -> None:
    """With the keys, and rotates them; a writer who tries has changed nothing."""
    ring = parse_keyring(new_key("kek"))
    writer = roled.open("writer", keyring=ring)
    await fill(writer)
    for erasing in (
        erase(writer, "chat", by="x", reason="y"),
        erase_event(writer, "chat", 1, by="x", reason="y"),
    ):
        with pytest.raises(ReadOnlyError):
            await erasing
    assert await writer.version("chat") == 2
    eraser = roled.open("eraser", keyring=ring)
    assert (await erase_event(eraser, "chat", 1, by="dpo", reason="r")).streams
    assert await rotate(eraser) == 0
    await erase(eraser, "chat", by="dpo", reason="r")
    assert await Conversation(eraser, "chat").items() == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await roled.run("eraser", "UPDATE {}events SET kind = 'added'")
    owner = roled.open("owner", keyring=ring)
    await fill(writer)
    await erase(owner, "chat", by="dpo", reason="r")
    assert (await roled.open("reader").verify()).ok


async def test_the_eraser_takes_it_out_of_the_views(roled: Roled) -> None:
    """Before it returns: the sequencer, which made them, need not be there."""
    await fill(roled.open("writer"))
    sequencer, eraser = Views(roled.open("sequencer")), roled.open("eraser")
    await sequencer.catch_up()
    assert len(await turns(sequencer, "chat")) == len(await search(sequencer, "Hello")) == 1
    await erase(eraser, "chat", by="dpo", reason="r")
    assert await roled.run("reader", "SELECT * FROM {}turns") == []
    assert await search(Views(eraser), "Hello") == []


async def test_the_sequencer_makes_views_of_an_encrypted_log(roled: Roled) -> None:
    """With the keyring; words are not kept."""
    ring = parse_keyring(new_key("kek"))
    await fill(roled.open("writer", keyring=ring))
    views = Views(roled.open("sequencer", keyring=ring))
    (found,) = await conversations(views)
    assert (found.name, found.items) == ("chat", 3)
    assert await search(views, "Hello") == []


async def test_running_it_again_takes_back_what_was_granted_beyond(roled: Roled) -> None:
    """As after an upgrade; nothing is lost or gained otherwise."""
    asked = "SELECT grantee::text, table_name, privilege_type FROM information_schema"
    asked += ".role_table_grants WHERE table_schema = '%s' ORDER BY 1, 2, 3"
    asked %= roled.backend.schema
    before = await roled.backend.execute(asked)
    await roled.backend.execute(f"GRANT DELETE ON {{}}events TO {roled.name('writer')}")
    assert await roled.backend.execute(asked) != before
    await roled.create()
    assert await roled.backend.execute(asked) == before


async def test_a_log_with_views_is_given_roles_by_its_owner(postgres_url: str) -> None:
    """No superuser is needed; what he had made, the sequencer makes anew, also after an upgrade."""
    roled = Roled(PostgresBackend(postgres_url))
    backend, user = roled.backend, f"user_{roled.backend.schema}"
    await backend.execute(f"CREATE ROLE {user} LOGIN CREATEROLE")
    await backend.execute(f"GRANT CREATE ON DATABASE postgres TO {user}")
    url = make_url(postgres_url).set(username=user).render_as_string(hide_password=False)
    try:
        async with EventLog(url, **grouped(**backend.options)) as log:
            await fill(log)
            await Views(log).catch_up()
        for tenant in (None, "acme"):
            await roled.create(url, tenant=tenant)
            for log in (EventLog(url, **grouped(**backend.options)), roled.open("sequencer")):
                await Views(log).rebuild("conversations")
                assert [row.name for row in await conversations(Views(log))] == ["chat"]
                await log.close()
    finally:
        await roled.discard()
        await backend.execute(f"DROP OWNED BY {user}")
        await backend.execute(f"DROP ROLE {user}")


async def test_another_log_of_the_server_may_be_going_just_now(
    postgres_url: str, roled: Roled
) -> None:
    """Its views are neither waited for nor asked what they are."""
    other = PostgresBackend(postgres_url)
    connection = await asyncpg.connect(postgres_url)
    try:
        async with other.open() as log:
            await Views(log).catch_up()
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"DROP VIEW {other.schema}.turns")
        await roled.create()
        await transaction.rollback()
    finally:
        await connection.close()
        await other.discard()


async def test_what_cannot_be_a_role_is_refused(postgres_url: str, roled: Roled) -> None:
    """A file has none, a log must be there, a name must fit."""
    refused: list[tuple[str, dict[str, Any]]] = [
        ("log.db", {}),
        (postgres_url, {"schema": "nothing_there"}),
        (postgres_url, {**roled.backend.options, "tenant": "x" * 60}),
        (postgres_url, {**roled.backend.options, "role": "alone"}),
    ]
    for url, options in refused:
        with pytest.raises(InvalidOptionError):
            await create_roles(url, **options)
