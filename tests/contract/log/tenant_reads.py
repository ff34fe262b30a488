"""Every public way to read, to be asked with another tenant's names; and who said what there."""

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from eventlog import Context, EventLog, EventLogError, ItemsAdded, NewEvent, Signer
from eventlog.format.chain import stream_id
from eventlog.operations import place_hold
from eventlog_openai_agents import EventLogSession
from eventlog_projections import (
    Conversation,
    RetentionRule,
    apply_retention,
    check_snapshots,
    erase,
    erase_event,
    erase_owner,
    prune,
    rebuild,
    salvage,
)
from eventlog_projections import views as of_views
from eventlog_projections.views import BUILT_IN, Views
from eventlog_projections.views.search import ItemRow
from tests.backends import Backend
from tests.usage import used

THEIRS: Final = "theirs"
SECRET: Final = "secret"
"""A conversation of theirs."""

NOBODY: Final = "nobody"
"""A conversation that nobody has."""

MARKER: Final = "marzipan"
LATE: Final = datetime(2100, 1, 1, tzinfo=UTC)
AGO: Final = timedelta(days=-36_500)
"""An age that everything has."""

KINDS: Final = tuple(kind for projection in BUILT_IN for kind in projection.tables)
SIGNER: Final = Signer("example.com/log", bytes(range(32)))

USED: Final = used(5, 2, model=MARKER)


async def fill(theirs: EventLog) -> None:
    """Leave something of theirs in every table."""
    session = EventLogSession(SECRET, log=theirs, actor=MARKER)
    await session.add_items([{"role": "user", "content": MARKER}, call(MARKER), answer(MARKER)])
    await theirs.append(SECRET, USED)
    asked = ItemsAdded([{"role": "user", "content": MARKER}])
    await theirs.append(SECRET, NewEvent(asked, Context(run_id=MARKER)))
    await session.add_items([{"role": "user", "content": f"{MARKER} {n}"} for n in range(30)])
    await session.pop_item()
    await session.create_branch_from_turn(2, "idea")
    await session.add_items([{"role": "user", "content": MARKER}])
    await session.label(title=MARKER, owner=MARKER, tags=[MARKER])
    await place_hold(theirs, SECRET, MARKER)
    assert await rebuild(theirs)


async def finish(sequencer: EventLog, backend: Backend) -> None:
    """Bring feed, views and tree up to what was filled in."""
    await Views(sequencer).catch_up()
    await sequencer.tree.head(SIGNER)
    (row,) = await backend.execute(
        "SELECT stream_id FROM {}streams WHERE name = ? AND branch = ''", SECRET
    )
    await backend.execute(
        "INSERT INTO {}set_aside (projection, generation, position, stream_id, version, error)"
        " VALUES ('turns', 1, 1, ?, 1, ?)",
        row[0],
        MARKER,
    )
    await backend.execute(
        "INSERT INTO {}purges (stream_id, projection, generation) VALUES (?, 'turns', 1)", row[0]
    )


def call(name: str) -> Any:
    return {"type": "function_call", "call_id": "c", "name": name, "arguments": "{}"}


def answer(output: str) -> Any:
    return {"type": "function_call_output", "call_id": "c", "output": output}


def log_reads(log: EventLog, name: str) -> Mapping[str, Any]:
    identity = stream_id(THEIRS, name)
    return {
        "branches": lambda: log.branches(name).all(),
        "feed": lambda: listed(log.feed()),
        "latest": log.latest,
        "read": lambda: log.read(name).all(),
        "read a branch": lambda: log.read(name, branch="idea").all(),
        "stream": lambda: log.stream(name),
        "stream by its id": lambda: log.stream(identity),
        "streams": lambda: log.streams(branches=True).all(),
        "subscribe": lambda: anext(log.subscribe()),
        "tree": lambda: log.tree.prove_inclusion(name, 1),
        "tree, a version": lambda: log.tree.last_version(name, 3),
        "verify": log.verify,
        "verify one": lambda: log.verify(name),
        "version": lambda: log.version(name),
        "version_at": lambda: log.version_at(name, 1),
        "version_at a time": lambda: log.version_at(name, LATE),
    }


LOG_OTHERWISE: Final = {
    "append": "writes",
    "close": "closes",
    "position": "counts events of all tenants: positions are shared",
    "wait_for": "as position",
    "counters": "counts what this process did",
}


def handle_reads(log: EventLog, name: str) -> Mapping[str, Any]:
    kept = log.spi.snapshots(name, 1)
    return {
        "latest": lambda: log.spi.latest(10),
        "snapshots": lambda: kept.load(None, 10),
        "snapshots, sources": lambda: kept.sources([1], [1]),
        "snapshots, tail": lambda: kept.tail(0),
    }


HANDLE_OTHERWISE: Final = {
    "close": "closes",
    "counters": "counts what this process did",
    "now": "reads a clock",
    "position": "counts events of all tenants: positions are shared",
    "raise_if_closed": "reads nothing",
    "shared": "what StateReader is made of",
    "store": "what this class is made of",
    "stream_id": "reads nothing",
    "tree": "asked as EventLog.tree",
    "views": "what Views is made of",
    "waiting": "tells positions",
}


def conversation_reads(log: EventLog, name: str) -> Mapping[str, Any]:
    chat, branch = Conversation(log, name), Conversation(log, name, "idea")
    return {
        "items": chat.items,
        "items of a branch": branch.items,
        "items at a version": lambda: chat.items(as_of=1),
        "items at a time": lambda: chat.items(as_of=LATE),
        "read": lambda: chat.read(limit=2),
        "pop": chat.pop,
        "branches": chat.branches,
        "open_branch": lambda: chat.open_branch("idea"),
        "history": lambda: chat.history().all(),
        "diff": lambda: chat.diff(0, 1),
        "labels": chat.labels,
        "moments": lambda: chat.moments(1),
        "usage_by_turn": chat.usage_by_turn,
        "items of the last turns": lambda: chat.items(limit_turns=1),
        "turns": chat.turns,
        "is_archived": chat.is_archived,
        "undo": chat.undo,
        "redo": chat.redo,
        "restore": lambda: chat.restore(1),
        "fork": lambda: chat.fork("copied", at=1),
    }


CONVERSATION_OTHERWISE: Final = dict.fromkeys(
    (
        "add",
        "append",
        "archive",
        "unarchive",
        "clear",
        "clear_all",
        "delete_branch",
        "label",
        "replace",
    ),
    "writes",
)


def session_reads(log: EventLog, name: str) -> Mapping[str, Any]:
    session = EventLogSession(name, log=log)
    return {
        "get_items": session.get_items,
        "get_items of a branch": lambda: session.get_items(branch_id="idea"),
        "get_items at a version": lambda: session.get_items(as_of=1),
        "history": lambda: session.history().all(),
        "diff": lambda: session.diff(0, 1),
        "find_turns_by_content": lambda: session.find_turns_by_content(MARKER),
        "get_conversation_by_turns": session.get_conversation_by_turns,
        "get_conversation_turns": session.get_conversation_turns,
        "get_session_usage": session.get_session_usage,
        "get_tool_usage": session.get_tool_usage,
        "get_turn_usage": session.get_turn_usage,
        "labels": session.labels,
        "list_branches": session.list_branches,
        "switch_to_branch": lambda: session.switch_to_branch("idea"),
        "delete_branch": lambda: session.delete_branch("idea"),
        "create_branch_from_content": lambda: session.create_branch_from_content("marz", "b"),
        "create_branch_from_turn": lambda: session.create_branch_from_turn(1, "b"),
        "pop_item": session.pop_item,
        "undo": session.undo,
        "redo": session.redo,
        "restore": lambda: session.restore(1),
        "fork": lambda: session.fork(1, "copied"),
    }


SESSION_OTHERWISE: Final = {
    **dict.fromkeys(("add_items", "clear", "clear_session", "label", "record"), "writes"),
    "store_run_usage": "writes",
    "close": "closes",
    "from_url": "opens",
    "session_settings": "reads nothing",
}


def projection_reads(log: EventLog, name: str) -> Mapping[str, Any]:
    return {
        "rebuild": lambda: rebuild(log, name),
        "salvage": lambda: salvage(log, name),
        "check_snapshots": lambda: check_snapshots(log, name),
        "apply_retention": lambda: apply_retention(log, [RetentionRule("r", AGO, tag=MARKER)]),
        "erase": lambda: erase(log, name, by="x", reason="y"),
        "erase_event": lambda: erase_event(log, name, 1, by="x", reason="y"),
        "erase_owner": lambda: erase_owner(log, MARKER, by="x", reason="y"),
        "prune": lambda: prune(log, LATE, by="x", reason="y", dry_run=True),
    }


PROJECTION_OTHERWISE: Final = {
    "listed": "reads nothing",
    "to_folder": "reads nothing",
    "follow_retention": "as apply_retention, again and again",
}


def view_reads(log: EventLog, name: str) -> Mapping[str, Any]:
    views = Views(log)
    return {
        "branches": lambda: of_views.branches(views, name),
        "conversations": lambda: of_views.conversations(views),
        "conversations of an owner": lambda: of_views.conversations(views, owner="marz"),
        "search": lambda: of_views.search(views, MARKER),
        "search in one": lambda: of_views.search(views, "marz", conversation=name),
        "tool_calls": lambda: of_views.tool_calls(views, name),
        "tools": lambda: of_views.tools(views),
        "turns": lambda: of_views.turns(views, name),
        "usage": lambda: of_views.usage(views),
        "usage of one": lambda: of_views.usage(views, name),
    }


def raw_view_reads(log: EventLog, name: str) -> Mapping[str, Any]:
    views = Views(log)
    keys = [THEIRS, stream_id(THEIRS, name), stream_id(THEIRS, name, "idea")]
    held = {
        f"held {kind.table}": lambda kind=kind: views.held(
            kind, [key for key in keys if isinstance(key, str) == (kind.key[0] == "tenant")]
        )
        for kind in KINDS
    }
    every = {f"select {kind.table}": lambda kind=kind: views.select(kind, {}) for kind in KINDS}
    return {
        **held,
        **every,
        "search": lambda: views.search(ItemRow, [MARKER], {}, limit=10),
        "search by id": lambda: views.search(ItemRow, ["marz"], {"stream_id": keys[1]}, limit=10),
        "status": views.status,
        "retry": lambda: views.retry(conversation=name),
        "skip": lambda: views.skip(conversation=name),
    }


RAW_VIEW_OTHERWISE: Final = {
    **dict.fromkeys(
        ("catch_up", "check", "drop", "follow", "rebuild", "show_items"),
        "looks after rows of all tenants; takes the right to fill views",
    ),
    "keeps": "reads nothing",
}

READS: Final = (
    log_reads,
    handle_reads,
    conversation_reads,
    session_reads,
    projection_reads,
    view_reads,
    raw_view_reads,
)


def public(of: object) -> set[str]:
    """Return the public names of a class, or the functions that a module gives away."""
    if inspect.isclass(of):
        return {name for name in dir(of) if not name.startswith("_")}
    return {name for name in of.__all__ if inspect.isfunction(getattr(of, name))}  # type: ignore[attr-defined]


def first_words(reads: Mapping[str, Any]) -> set[str]:
    return {name.replace(",", "").split()[0] for name in reads}


async def listed(events: Any) -> list[Any]:
    return [event async for event in events]


async def answers(log: EventLog, name: str) -> dict[str, str]:
    """Ask everything about a conversation; return every answer, or error, as text."""
    found: dict[str, str] = {}
    for group in READS:
        for what, ask in group(log, name).items():
            try:
                answer = repr(await ask())
            except EventLogError as error:
                answer = f"{type(error).__name__}: {error}"
            found[f"{group.__name__}: {what}"] = answer
    return found
