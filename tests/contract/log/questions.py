"""Every public way to ask, and what cannot be asked there: names, versions, counts, texts."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from eventlog import Context, EventLog, ItemsAdded, NewEvent, Signer
from eventlog.operations import gather_evidence, held_by, lift_hold, place_hold, rekey
from eventlog_openai_agents import EventLogSession
from eventlog_projections import (
    Conversation,
    erase,
    erase_event,
    erase_owner,
    prune,
    rebuild,
    salvage,
)
from eventlog_projections import views as of_views
from eventlog_projections.views import Views
from eventlog_projections.views.conversations import ConversationRow
from eventlog_projections.views.search import ItemRow

NAME: Final = "chat"
SIGNER: Final = Signer("example.com/log", bytes(range(32)))
BY: Final[dict[str, Any]] = {"by": "x", "reason": "y"}
LATE: Final = datetime(2100, 1, 1, tzinfo=UTC)

HUGE: Final = 10**5000
TEXTS: Final[tuple[Any, ...]] = ("a\0b", "\ud800", 7, b"bytes", 1.5, True, "x" * 20_000)
NAMES: Final[tuple[Any, ...]] = (*TEXTS, "", None)
NUMBERS: Final[tuple[Any, ...]] = (-1, 2**63, -(2**63) - 1, HUGE, -HUGE, True, 1.5, "1", b"1")
VERSIONS: Final[tuple[Any, ...]] = (*NUMBERS, 99)
MOMENTS: Final[tuple[Any, ...]] = (*VERSIONS, datetime(2026, 1, 1))
WORDS: Final[tuple[Any, ...]] = (*TEXTS, " ".join(f"w{n}" for n in range(200)), "x" * 2000)

Ask = Callable[[Any], Any]
Questions = Mapping[str, tuple[Ask, tuple[Any, ...]]]
"""`method, parameter`: how to ask with a value, and values that cannot be asked."""


def of_log(log: EventLog) -> Questions:
    return {
        "append, stream": (lambda bad: log.append(bad, ItemsAdded([1])), NAMES),
        "append, branch": (lambda bad: log.append(NAME, ItemsAdded([1]), branch=bad), TEXTS),
        "append, expected_version": (
            lambda bad: log.append(NAME, ItemsAdded([1]), expected_version=bad),
            NUMBERS,
        ),
        "append, event_id": (
            lambda bad: log.append(NAME, NewEvent(ItemsAdded([1]), event_id=bad)),
            (*TEXTS, ""),
        ),
        "append, seen_version": (
            lambda bad: log.append(NAME, NewEvent(ItemsAdded([1]), Context(seen_version=bad))),
            (HUGE, "1", 1.5),
        ),
        "read, stream": (lambda bad: lister(log.read(bad)), NAMES),
        "read, after": (lambda bad: lister(log.read(NAME, after=bad)), NUMBERS),
        "read, until": (lambda bad: lister(log.read(NAME, until=bad)), NUMBERS),
        "read, kind": (lambda bad: lister(log.read(NAME, kind=bad)), TEXTS),
        "read, branch": (lambda bad: lister(log.read(NAME, branch=bad)), TEXTS),
        "feed, after": (lambda bad: lister(log.feed(bad)), NUMBERS),
        "subscribe, after": (lambda bad: anext(log.subscribe(bad)), NUMBERS),
        "wait_for, position": (lambda bad: log.wait_for(bad, 0.01), NUMBERS),
        "version, stream": (log.version, NAMES),
        "version, branch": (lambda bad: log.version(NAME, branch=bad), TEXTS),
        "version_at, stream": (lambda bad: log.version_at(bad, 1), NAMES),
        "version_at, as_of": (lambda bad: log.version_at(NAME, bad), MOMENTS),
        "streams, after": (lambda bad: lister(log.streams(after=bad)), TEXTS),
        "branches, stream": (lambda bad: lister(log.branches(bad)), NAMES),
        "stream, stream": (log.stream, tuple(bad for bad in NAMES if bad != b"bytes")),
        "stream, branch": (lambda bad: log.stream(NAME, branch=bad), TEXTS),
        "tree, stream": (lambda bad: log.tree.prove_inclusion(bad, 1), NAMES),
        "tree, version": (lambda bad: log.tree.prove_inclusion(NAME, bad), VERSIONS),
        "tree, size": (lambda bad: log.tree.prove_inclusion(NAME, 1, bad), VERSIONS),
        "tree, old": (log.tree.prove_consistency, VERSIONS),
        "tree, last_version": (lambda bad: log.tree.last_version(NAME, bad), NUMBERS),
        "verify, stream": (log.verify, tuple(bad for bad in NAMES if bad is not None)),
    }


def of_conversation(log: EventLog) -> Questions:
    chat = Conversation(log, NAME)

    async def seen(bad: Any) -> Any:
        return await chat.replace(bad, [1], await chat.read())

    return {
        "Conversation, name": (lambda bad: lazily(lambda: Conversation(log, bad)), NAMES),
        "Conversation, branch": (lambda bad: lazily(lambda: Conversation(log, NAME, bad)), TEXTS),
        "items, as_of": (lambda bad: chat.items(as_of=bad), MOMENTS),
        "items, limit": (lambda bad: chat.items(limit=bad), NUMBERS),
        "read, as_of": (lambda bad: chat.read(as_of=bad), MOMENTS),
        "read, limit": (lambda bad: chat.read(limit=bad), NUMBERS),
        "items, limit_turns": (lambda bad: chat.items(limit_turns=bad), NUMBERS),
        "read, limit_turns": (lambda bad: chat.read(limit_turns=bad), NUMBERS),
        "turns, as_of": (lambda bad: chat.turns(as_of=bad), MOMENTS),
        "archive, reason": (lambda bad: chat.archive(reason=bad), ("\ud800", 7, b"bytes")),
        "unarchive, reason": (lambda bad: chat.unarchive(reason=bad), ("\ud800", 7, b"bytes")),
        "append, expected": (
            lambda bad: chat.append(NewEvent(ItemsAdded([1])), bad),
            NUMBERS,
        ),
        "replace, start": (seen, NUMBERS),
        "undo, turns": (chat.undo, (0, *NUMBERS)),
        "restore, to": (chat.restore, MOMENTS),
        "fork, name": (chat.fork, NAMES),
        "fork, branch": (lambda bad: chat.fork(NAME, branch=bad), TEXTS),
        "fork, at": (lambda bad: chat.fork("new", at=bad), MOMENTS),
        "fork, kept": (lambda bad: chat.fork("new", kept=bad), VERSIONS),
        "open_branch, branch": (chat.open_branch, TEXTS),
        "diff, a": (chat.diff, MOMENTS),
        "diff, b": (lambda bad: chat.diff(None, bad), MOMENTS),
        "moments, version": (chat.moments, NUMBERS),
        "pop, reason": (lambda bad: chat.pop(reason=bad), ("\ud800", 7, b"bytes")),
        "clear, reason": (lambda bad: chat.clear(reason=bad), ("\ud800", 7, b"bytes")),
        "label, title": (lambda bad: chat.label(title=bad), ("\ud800", 7, b"bytes")),
        "label, owner": (lambda bad: chat.label(owner=bad), ("\ud800", 7, b"bytes")),
        "label, tags": (lambda bad: chat.label(tags=bad), ("text", ["\ud800"], [7])),
    }


OTHERWISE: Final = {
    EventLog: {"close", "counters", "latest", "position"},
    Conversation: {
        "add",
        "branches",
        "clear_all",
        "delete_branch",
        "history",
        "is_archived",
        "labels",
        "redo",
        "usage_by_turn",
    },
}
"""They are asked nothing that could be wrong, or items, which other tests give them."""


def of_session(log: EventLog) -> Questions:
    session = EventLogSession(NAME, log=log)
    above = tuple(bad for bad in NUMBERS if type(bad) is not int or bad >= 0)
    return {
        "session_id": (lambda bad: lazily(lambda: EventLogSession(bad, log=log)), NAMES),
        "get_items, limit": (session.get_items, above),
        "get_items, limit_turns": (lambda bad: session.get_items(limit_turns=bad), above),
        "get_items, as_of": (lambda bad: session.get_items(as_of=bad), MOMENTS),
        "get_items, branch_id": (lambda bad: session.get_items(branch_id=bad), TEXTS),
        "undo, turns": (session.undo, (0, *NUMBERS)),
        "restore, version": (session.restore, MOMENTS),
        "fork, at": (session.fork, MOMENTS),
        "fork, session_id": (lambda bad: session.fork(1, bad), (*TEXTS, "")),
        "diff, a": (session.diff, MOMENTS),
        "switch_to_branch": (session.switch_to_branch, TEXTS),
    }


def of_the_views(log: EventLog) -> Questions:
    views = Views(log)
    return {
        "branches, name": (lambda bad: of_views.branches(views, bad), NAMES),
        "conversations, owner": (lambda bad: of_views.conversations(views, owner=bad), TEXTS),
        "conversations, limit": (lambda bad: of_views.conversations(views, limit=bad), NUMBERS),
        "conversations, after": (lambda bad: of_views.conversations(views, after=bad), (1, "a")),
        "search, text": (lambda bad: of_views.search(views, bad), WORDS),
        "search, conversation": (
            lambda bad: of_views.search(views, "x", conversation=bad),
            (*TEXTS, ""),
        ),
        "search, branch": (
            lambda bad: of_views.search(views, "x", conversation=NAME, branch=bad),
            TEXTS,
        ),
        "search, limit": (lambda bad: of_views.search(views, "x", limit=bad), NUMBERS),
        "tool_calls, name": (lambda bad: of_views.tool_calls(views, bad), NAMES),
        "turns, name": (lambda bad: of_views.turns(views, bad), NAMES),
        "usage, name": (lambda bad: of_views.usage(views, bad), (*TEXTS, "")),
        "select, equal": (
            lambda bad: views.select(ConversationRow, {"owner": bad}),
            ("a\0b", "\ud800", 1.5, 2**63, [1]),
        ),
        "select, limit": (lambda bad: views.select(ConversationRow, {}, limit=bad), NUMBERS),
        "held, partitions": (
            lambda bad: views.held(ConversationRow, [bad]),
            ("a\0b", "\ud800", 2**63),
        ),
        "search rows, phrases": (
            lambda bad: views.search(ItemRow, bad, {}, limit=1),
            (["a\0b"], ["\ud800"], [7], ["w"] * 200),
        ),
        "rebuild, name": (views.rebuild, ("nothing", "a\0b", "\ud800")),
    }


def of_operations(log: EventLog) -> Questions:
    async def evidence(bad: Any) -> Any:
        return await gather_evidence(log, await log.tree.head(SIGNER), bad)

    return {
        "erase, session_id": (lambda bad: erase(log, bad, **BY), NAMES),
        "erase, by": (lambda bad: erase(log, "no", by=bad, reason="y"), NAMES),
        "erase_event, version": (lambda bad: erase_event(log, NAME, bad, **BY), (0, *VERSIONS)),
        "erase_event, branch": (
            lambda bad: erase_event(log, NAME, 1, branch=bad, **BY),
            TEXTS,
        ),
        "erase_owner, owner": (lambda bad: erase_owner(log, bad, **BY), TEXTS),
        "prune, before": (lambda bad: prune(log, bad, **BY), (1, "x", datetime(2026, 1, 1))),
        "prune, owner": (lambda bad: prune(log, LATE, owner=bad, **BY), TEXTS),
        "prune, tag": (lambda bad: prune(log, LATE, tag=bad, **BY), TEXTS),
        "prune, keep": (lambda bad: prune(log, LATE, keep=bad, **BY), NUMBERS),
        "rebuild, name": (lambda bad: rebuild(log, bad), (*TEXTS, "")),
        "salvage, name": (lambda bad: salvage(log, bad), NAMES),
        "salvage, as_of": (lambda bad: salvage(log, NAME, as_of=bad), MOMENTS),
        "rekey, name": (lambda bad: rekey(log, bad), NAMES),
        "place_hold, hold": (lambda bad: place_hold(log, NAME, bad), NAMES),
        "lift_hold, hold": (lambda bad: lift_hold(log, NAME, bad), NAMES),
        "held_by, session_id": (lambda bad: held_by(log, bad), NAMES),
        "gather_evidence, names": (
            lambda bad: evidence({bad: None}),
            tuple(bad for bad in NAMES if bad is not None),
        ),
        "gather_evidence, versions": (
            lambda bad: evidence({NAME: bad}),
            (*VERSIONS, 0),
        ),
    }


GROUPS: Final[tuple[Callable[[EventLog], Questions], ...]] = (
    of_log,
    of_conversation,
    of_session,
    of_the_views,
    of_operations,
)


async def lister(events: Any) -> list[Any]:
    return [event async for event in events]


async def lazily(make: Callable[[], Any]) -> Any:
    return make()
