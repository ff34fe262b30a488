"""Importing the branches of AdvancedSQLiteSession."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from agents.extensions.memory import AdvancedSQLiteSession

from eventlog import EventLog, ItemsAdded
from eventlog_importing import import_sessions
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from tests.adapters.importing.stores import advanced_sqlite
from tests.adapters.importing.test_files import insert


def turn(number: int, text: str = "") -> list[Any]:
    return [
        {"role": "user", "content": f"question {number}{text}"},
        {"role": "assistant", "content": f"answer {number}{text}"},
    ]


TURNS: Final = [turn(number) for number in range(1, 5)]


async def written(file: Path) -> AdvancedSQLiteSession:
    """Main has four turns; one branch at 3, another of that one, and one at the beginning."""
    session = AdvancedSQLiteSession(session_id="chat", db_path=file, create_tables=True)
    for one in TURNS:
        await session.add_items(one)
    await session.create_branch_from_turn(3, "other")
    await session.add_items(turn(3, " other"))
    await session.add_items(turn(4, " other"))
    await session.create_branch_from_turn(4, "of other")
    await session.add_items(turn(4, " of other"))
    await session.switch_to_branch("main")
    await session.create_branch_from_turn(1, "anew")
    await session.add_items(turn(1, " anew"))
    await session.switch_to_branch("main")
    await session.add_items(turn(5))
    return session


async def check(log: EventLog, session: AdvancedSQLiteSession, name: str = "chat") -> None:
    """Every branch has the items that their session shows on it."""
    for described in await session.list_branches():
        branch = described["branch_id"]
        ours = EventLogSession(name, log=log)
        await ours.switch_to_branch(branch)
        assert await ours.get_items() == await session.get_items(branch_id=branch), branch


async def test_every_branch_has_its_items(file: Path, log: EventLog) -> None:
    """And the main one is the current one after opening, as in the SDK."""
    session = await written(file)
    report = await import_sessions(log, file)
    assert (report.copied, report.refused) == (4, [])
    await check(log, session)
    ours = EventLogSession("chat", log=log)
    assert await ours.get_items() == await session.get_items(branch_id="main")
    listed = {branch["branch_id"]: branch["message_count"] for branch in await ours.list_branches()}
    theirs = await session.list_branches()
    assert listed == {branch["branch_id"]: branch["message_count"] for branch in theirs}
    assert (await log.verify()).ok
    session.close()


async def test_what_branches_share_is_not_copied_twice(file: Path, log: EventLog) -> None:
    """A branch is a fork where it left; one of a branch is a fork of that."""
    session = await written(file)
    report = await import_sessions(log, file)
    assert report.items == 10 + 4 + 2 + 2
    rows = {row.branch: row async for row in log.branches("chat")}
    for branch, kept in (("other", 4), ("of other", 6)):
        first = await anext(aiter(log.read("chat", branch=branch)))
        assert (first.kind, first.header.kept) == ("forked", kept)
    of_other = await anext(aiter(log.read("chat", branch="of other")))
    assert of_other.header.parent == rows["other"].stream_id.hex()
    session.close()


async def test_branches_that_have_grown_are_gone_on_with(file: Path, log: EventLog) -> None:
    """Each for itself, and a new one comes too."""
    session = await written(file)
    await import_sessions(log, file)
    assert (await import_sessions(log, file)).unchanged == 4
    await session.switch_to_branch("other")
    await session.add_items(turn(5, " other"))
    await session.create_branch_from_turn(2, "late")
    await session.add_items(turn(2, " late"))
    report = await import_sessions(log, file)
    assert (report.copied, report.unchanged, report.refused) == (2, 3, [])
    await check(log, session)
    session.close()


async def test_a_row_that_is_no_item_does_not_move_a_branch(file: Path, log: EventLog) -> None:
    """Rows are shared, items are counted."""
    session = await written(file)
    session.close()
    with closing(sqlite3.connect(file)) as db:
        db.execute("UPDATE agent_messages SET message_data = '{broken' WHERE id = 2")
        db.commit()
    report = await import_sessions(log, file)
    assert len(report.preserved) == 1
    session = AdvancedSQLiteSession(session_id="chat", db_path=file, create_tables=True)
    await check(log, session)
    session.close()


async def test_what_was_written_before_the_file_had_branches_comes_first(
    file: Path, log: EventLog
) -> None:
    """AdvancedSQLiteSession hides it, and deletes it later; it is copied into the main branch."""
    async with advanced_sqlite(file).session("chat"):
        insert(file, "chat", json.dumps(TURNS[0][0]), json.dumps(TURNS[0][1]))
    await advanced_sqlite(file).write("other", TURNS[1])
    session = AdvancedSQLiteSession(session_id="chat", db_path=file, create_tables=True)
    assert await session.get_items() == []
    session.close()
    report = await import_sessions(log, file)
    assert report.items == 4
    assert await Conversation(log, "chat").items() == TURNS[0]


async def test_a_branch_of_a_conversation_that_is_not_theirs_is_refused(
    file: Path, log: EventLog
) -> None:
    """As the conversation is; nothing of it is mixed with ours."""
    session = await written(file)
    session.close()
    await log.append("chat", [ItemsAdded([{"n": number}]) for number in range(20)])
    report = await import_sessions(log, file)
    assert {refused.conversation for refused in report.refused} == {
        "chat",
        "chat (branch other)",
        "chat (branch of other)",
        "chat (branch anew)",
    }
    assert await log.version("chat", branch="other") == 0


@pytest.mark.parametrize("count", [30])
async def test_branches_of_many_conversations(file: Path, log: EventLog, count: int) -> None:
    """Each belongs to its own."""
    for number in range(count):
        session = AdvancedSQLiteSession(
            session_id=f"chat-{number}", db_path=file, create_tables=True
        )
        for one in TURNS[:2]:
            await session.add_items(one)
        await session.create_branch_from_turn(2, "b")
        await session.add_items(turn(2, f" {number}"))
        session.close()
    report = await import_sessions(log, file)
    assert report.copied == 2 * count
    for number in range(count):
        items = await Conversation(log, f"chat-{number}", "b").items()
        assert items == [*TURNS[0], *turn(2, f" {number}")]
