"""What the public names are, and what a type checker knows about them."""

from datetime import datetime
from typing import Any, assert_type

from agents import Session, SessionABC, TResponseInputItem

import eventlog
import eventlog.events
import eventlog.keys
import eventlog.operations
import eventlog_importing
import eventlog_openai_agents
import eventlog_projections
from eventlog import (
    Appended,
    Context,
    EventLog,
    ItemsAdded,
    RecordedEvent,
    Verification,
)
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Change, Conversation, Diff, HistoryEvent, ItemsRead, LabelsDiff


async def check_the_log(log: EventLog) -> None:
    assert_type(await log.append("chat", ItemsAdded([])), Appended)
    async for event in log.read("chat", after=1, until=2):
        assert_type(event, RecordedEvent)
        assert_type(event.recorded_at, datetime)
        assert_type(event.context, Context)
        assert_type(event.hash, bytes)
    assert_type(await log.version("chat"), int)
    assert_type(await log.verify(), Verification)
    async with log as same:
        assert_type(same, EventLog)


async def check_a_conversation(log: EventLog) -> None:
    chat = Conversation(log, "chat")
    assert_type(await chat.read(as_of=1), ItemsRead)
    assert_type(await chat.items(limit=1), list[Any])
    assert_type(await chat.add([{}]), Appended | None)
    changed = await chat.undo(2, reason="why")
    assert_type(changed, Change[Diff])
    assert_type(await chat.clear(reason="why", dry_run=True), Change[Diff])
    assert_type(await changed.diff(), Diff)
    assert_type(await changed.take_back(reason="why"), Change[Diff])
    assert_type(await chat.label(title="A chat"), Change[LabelsDiff])
    assert_type(await chat.fork("other"), Conversation)
    assert_type(await chat.branches(), list[Conversation])
    assert_type(await chat.diff(1), Diff)
    assert_type(await chat.history().all(), list[HistoryEvent])


async def check_a_session() -> None:
    session = EventLogSession("chat", "log.db", actor="ana")
    assert_type(EventLogSession.from_url("chat", url="sqlite://"), EventLogSession)
    assert_type(await session.get_items(limit=3), list[TResponseInputItem])
    assert_type(await session.pop_item(reason="why"), TResponseInputItem | None)
    assert_type(await session.fork(at=3), EventLogSession)
    assert_type(await session.diff(1, 2), Diff)
    assert_type(await session.undo(), Change[Diff])
    assert_type(await session.clear(), list[Change[Diff]])
    assert_type(await session.create_branch_from_turn(1), str)
    async for event in session.history():
        assert_type(event, HistoryEvent)
    as_protocol: Session = session
    as_base: SessionABC = session
    assert as_protocol is as_base


PUBLIC = {
    eventlog: """
        Appended BusyError ConflictError Context ConversationCleared Counters ErasedError
        Event EventIdReusedError EventLog EventLogError Fault InDoubtError
        InvalidInputError ItemPopped ItemsAdded ItemsReplaced NewEvent PostgresOptions
        RecordedEvent Results Signer SqliteOptions StoreError TreeHead UnavailableError
        Verification Verifier
    """,
    eventlog.events: """
        BranchDeleted Context ConversationArchived ConversationCleared ConversationErased
        ConversationForked ConversationImported ConversationLabelled ConversationRewound
        ConversationUnarchived Event EventErased Header HoldLifted HoldPlaced ItemPopped
        ItemsAdded ItemsReplaced ModelCalled NewEvent OpaqueEvent RecordedEvent RowPreserved
        RunBegan RunEnded UsageRecorded digest
    """,
    eventlog.keys: """
        CalledKeyRing KeyRing LocalKeyRing NotOpenedError keyring_from_environment
        keyring_from_file new_key parse_keyring
    """,
    eventlog.operations: """
        ErasedVersions Misplacement Receipt backup check_evidence create_roles
        gather_evidence held_by lift_hold migrate place_hold publish read_receipt receipt
        recover rekey repair_feed rotate sign_head to_command to_file work
    """,
    eventlog_projections: """
        Archive Change Conversation Diff Disposed Disposition Erased Evidence HistoryEvent
        HistoryItem HistoryTail ItemsRead Labels LabelsDiff ReceiptFolder ReceiptKeeper
        RetentionRule SnapshotsChecked Span TurnUsage Unreadable apply_retention
        check_snapshots erase erase_event erase_owner
        follow_retention listed prune rebuild salvage to_folder
    """,
    eventlog_importing: """
        Chunk EncryptedSource ImportReport Preserved Progress RedisSource Refused Row
        SQLAlchemySource SQLiteSource SessionSource Source import_sessions
    """,
    eventlog_openai_agents: "EventLogHooks EventLogSession RecordedSession",
}


def test_the_public_names_are_these() -> None:
    """A new public name needs a line in the changelog and in the docs."""
    for module, names in PUBLIC.items():
        assert sorted(module.__all__) == sorted(names.split())
        assert all(hasattr(module, name) for name in module.__all__)


def test_every_error_is_one_of_ours_and_documented() -> None:
    """One base for all, and the tree in the module's docstring names each."""
    from eventlog import errors

    own = [value for value in vars(errors).values() if isinstance(value, type)]
    raised = [it for it in own if issubclass(it, Exception) and not it.__name__.startswith("_")]
    assert all(issubclass(error, eventlog.EventLogError) for error in raised)
    assert all(error.__name__ in (errors.__doc__ or "") for error in raised)
