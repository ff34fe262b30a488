"""What guards a log and is gone, off or changed is named: a warning, and no fault."""

import sqlite3
from typing import Final

import pytest

from eventlog import EventLog, ItemsAdded, Signer, Verification
from eventlog.operations import migrate
from eventlog_projections.views import Views
from tests.backends import Backend

SIGNER: Final = Signer("example.com/log", bytes(range(32)))

SQLITE: Final[dict[str, tuple[str, ...]]] = {
    **{
        f"trigger {name}": (f"DROP TRIGGER {name}",)
        for name in (
            "events_insert",
            "events_update",
            "events_delete",
            "events_erased",
            "streams_update",
            "streams_delete",
            "streams_insert",
            "tree_heads_delete",
            "tree_heads_update",
        )
    },
    "trigger events_update ": (
        "DROP TRIGGER events_update",
        "CREATE TRIGGER events_update BEFORE UPDATE ON events WHEN 0 BEGIN SELECT 1; END",
    ),
    "index events_by_event_id": ("DROP INDEX events_by_event_id",),
    "index streams_by_name": (
        "DROP INDEX streams_by_name",
        "CREATE INDEX streams_by_name ON streams (name)",
    ),
}
POSTGRES: Final[dict[str, tuple[str, ...]]] = {
    "trigger events_rows": ("DROP TRIGGER events_rows ON {}events",),
    "trigger events_told": ("ALTER TABLE {}events DISABLE TRIGGER events_told",),
    "trigger events_truncate": ("ALTER TABLE {}events ENABLE TRIGGER events_truncate",),
    "trigger feed_rows": ("ALTER TABLE {}feed ENABLE REPLICA TRIGGER feed_rows",),
    "trigger feed_truncate": ("DROP TRIGGER feed_truncate ON {}feed",),
    "trigger streams_rows": (
        "DROP TRIGGER streams_rows ON {}streams",
        "CREATE TRIGGER streams_rows BEFORE DELETE ON {}streams"
        " FOR EACH ROW EXECUTE FUNCTION {}evidence_stays()",
    ),
    "trigger streams_truncate": ("DROP TRIGGER streams_truncate ON {}streams",),
    "trigger tree_heads_update": ("ALTER TABLE {}tree_heads DISABLE TRIGGER USER",),
    "function events_stay": (
        "CREATE OR REPLACE FUNCTION {}events_stay() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NEW; END $$",
    ),
    "constraint events_version": ("ALTER TABLE {}events DROP CONSTRAINT events_version",),
    "constraint events_pk": ("ALTER TABLE {}events DROP CONSTRAINT events_pk",),
    "constraint feed_head_one_row": (
        "ALTER TABLE {}feed_head DROP CONSTRAINT feed_head_one_row",
        "ALTER TABLE {}feed_head ADD CONSTRAINT feed_head_one_row CHECK (id >= 1)",
    ),
    "constraint NOT NULL of hash": ("ALTER TABLE {}events ALTER COLUMN hash DROP NOT NULL",),
    "index events_by_event_id": ("DROP INDEX {}events_by_event_id",),
    "index streams_by_name": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}streams_by_name'::regclass",
    ),
}
BREAKS: Final = {"sqlite": SQLITE, "postgres": POSTGRES}
FOR_GOOD: Final = ("function", "constraint")
"""What `migrate` does not make anew: nobody but its owner knows what rows are there since."""


@pytest.fixture
async def filled(backend: Backend) -> Backend:
    async with backend.open() as log:
        await log.append("chat", [ItemsAdded(["one"]), ItemsAdded(["two"])])
        await log.tree.head(SIGNER)
    return backend


async def verified(backend: Backend) -> Verification:
    async with backend.open() as log:
        return await log.verify()


def protection(found: Verification) -> list[str]:
    return [warning.detail for warning in found.warnings if warning.what == "protection"]


async def test_a_log_as_it_was_made_has_no_warnings(filled: Backend) -> None:
    """With views in it, too."""
    async with filled.open() as log:
        await Views(log).catch_up()
        assert (await log.verify()).warnings == ()


@pytest.mark.parametrize("what", dict.fromkeys([*SQLITE, *POSTGRES]))
async def test_what_guards_and_is_gone_is_a_warning(filled: Backend, what: str) -> None:
    """No fault, and named; what was changed beside it is one."""
    statements = BREAKS[filled.name].get(what)
    if statements is None:
        return  # There is no such guard.
    for statement in statements:
        await filled.execute(statement)
    found = await verified(filled)
    assert (found.ok, found.exit_code) == (True, 0)
    told = protection(found)
    assert any(f"protection is missing: {what.strip()}" in each for each in told), told
    if not what.startswith(FOR_GOOD):
        await migrate(filled.url, **filled.options)
        assert (await verified(filled)).warnings == ()


async def test_all_of_it_gone_and_a_body_edited(filled: Backend) -> None:
    """Faults are faults, warnings are warnings; triggers come back."""
    await filled.drop_triggers()
    await filled.execute("UPDATE {}events SET body = ? WHERE version = 2", b"[1]")
    found = await verified(filled)
    assert [(fault.stream, fault.version) for fault in found.faults] == [("chat", 2)]
    assert (found.exit_code, len(protection(found)) > 5) == (1, True)
    await migrate(filled.url, **filled.options)
    found = await verified(filled)
    assert (len(found.faults), found.warnings) == (1, ())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("CONSTRAINT events_by_version UNIQUE (stream_id, version), ", ""),
        ("version > 0", "version > -9"),
        ("hash BLOB NOT NULL", "hash BLOB"),
    ],
)
async def test_a_constraint_of_a_file_that_is_gone(filled: Backend, old: str, new: str) -> None:
    """Whoever writes the schema writes it past every trigger."""
    if filled.name == "postgres":
        return  # See above.
    db = sqlite3.connect(filled.url)
    db.execute("PRAGMA writable_schema = ON")
    (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'events'").fetchone()
    changed = " ".join(sql.split()).replace(old, new)
    assert changed != " ".join(sql.split())
    if "UNIQUE" in old:
        db.execute("DELETE FROM sqlite_master WHERE name = 'sqlite_autoindex_events_1'")
    db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'events'", (changed,))
    db.commit()
    db.close()
    told = protection(await verified(filled))
    assert any("table events is not as this release makes it" in each for each in told), told


@pytest.mark.parametrize("cut", [False, True])
async def test_a_sequence_that_forgot_its_end(filled: Backend, cut: bool) -> None:
    """SQLite would give the positions again that were cut off: `DELETE FROM sqlite_sequence`."""
    if filled.name == "postgres":
        return  # `feed_head` has the end there: the tamper matrix changes it.
    if cut:
        await filled.tamper("DELETE FROM events WHERE version = 2")
        await filled.tamper(
            "UPDATE streams SET version = 1, (head_hash, head_at) ="
            " (SELECT hash, recorded_at FROM events)"
        )
        await filled.tamper("DELETE FROM tree")
        await filled.tamper("DELETE FROM tree_heads")
    assert (await verified(filled)).ok is not cut
    await filled.execute("DELETE FROM sqlite_sequence")
    (fault,) = (await verified(filled)).faults
    assert (fault.problem, fault.position) == ("missing", 2 if cut else 3)
    assert "does not end where it says that it ends" in fault.detail


async def test_keys_of_nobody_are_named(sealed: Backend) -> None:
    """A first append that failed leaves such a row: a warning."""
    async with sealed.open() as log:
        await log.append("chat", ItemsAdded(["one"]))
        await sealed.execute(
            "INSERT INTO {}keys (stream_id, key_id, kek_id, wrapped_key) VALUES (?, '1', 'k', ?)",
            b"nobody",
            b"x",
        )
        found = await log.verify()
    assert (found.ok, [warning.stream for warning in found.warnings]) == (True, [b"nobody".hex()])
    assert "no stream" in found.warnings[0].detail


@pytest.mark.parametrize("key_id", ["2", "0", "spare"])
@pytest.mark.parametrize("kek", ["kek-1", "unknown"])
async def test_a_spare_key_keeps_nobody_from_reading(
    sealed: Backend, key_id: str, kek: str
) -> None:
    """Nothing was encrypted under it; the row is named, and the conversation goes on."""
    async with sealed.open() as log:
        await log.append("chat", ItemsAdded(["one"]))
        await sealed.execute(
            "INSERT INTO {}keys (stream_id, key_id, kek_id, wrapped_key)"
            f" SELECT stream_id, '{key_id}', '{kek}', wrapped_key FROM {{}}keys"
        )
    async with sealed.open() as log:
        (event,) = await log.read("chat").all()
        assert event.event == ItemsAdded(["one"])
        (event,) = await log.feed().all()
        assert event.event == ItemsAdded(["one"])
        await log.append("chat", ItemsAdded(["two"]))
        found = await log.verify()
        assert found.ok, found.faults
        (warning,) = found.warnings
        assert (warning.what, warning.stream) == ("keys", "chat")
        assert f"its data key '{key_id}', which no event needs, does not open" in warning.detail


async def test_all_tenants_are_verified_by_who_sees_them(backend: Backend, log: EventLog) -> None:
    """Each by its name; a conversation is one tenant's."""
    for tenant in ("default", "other"):
        async with backend.open(tenant=tenant) as own:
            await own.append("chat", ItemsAdded(["one"]))
    await log.tree.head(SIGNER)
    found = await log.verify(all_tenants=True)
    assert (found.ok, found.conversations, found.events) == (True, 2, 2)
    await backend.tamper("UPDATE {}events SET body = ?", b"[1]")
    await backend.tamper("UPDATE {}streams SET created_at = 1")
    found = await log.verify(all_tenants=True)
    named = [(fault.tenant, fault.stream, fault.version) for fault in found.faults]
    assert sorted(named) == [("default", "chat", 1), ("other", "chat", 1)]
    assert "tenant 'other', conversation 'chat', version 1" in " ".join(map(str, found.faults))
    alone = await log.verify()
    assert [(fault.tenant, fault.stream) for fault in alone.faults] == [(None, "chat")]
    with pytest.raises(ValueError, match="one tenant's"):
        await log.verify("chat", all_tenants=True)
