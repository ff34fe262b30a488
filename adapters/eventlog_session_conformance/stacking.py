"""The SDK's own sessions that stand on another: EncryptedSession and the compaction session."""

# ruff: noqa: D401 - the docstring of a case is its promise

import asyncio
import base64
import os
import unittest
from types import SimpleNamespace
from typing import Any, Final, cast

from agents import Session, SessionSettings
from agents.memory import OpenAIResponsesCompactionSession

from eventlog_session_conformance.agent import Fallible
from eventlog_session_conformance.case import (
    Bench,
    Collection,
    contents,
    expect,
    expect_error,
    said,
)

case: Final = Collection()

SUMMARY: Final[Any] = {"id": "cmp_1", "type": "compaction", "encrypted_content": "sealed"}


def new_key() -> str:
    """Make a key for EncryptedSession."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def encrypted(session: Session, key: str, session_id: str | None = None) -> Any:
    """Put the SDK's encryption in front of a session, or skip the case."""
    try:
        from agents.extensions.memory import EncryptedSession
    except ImportError as error:
        raise unittest.SkipTest(
            f"EncryptedSession needs the package cryptography: {error}"
        ) from error
    if isinstance(session, EncryptedSession):
        raise unittest.SkipTest("the session encrypts already")
    return EncryptedSession(
        session_id or session.session_id, cast(Any, session), encryption_key=key, ttl=3600
    )


class Compactor:
    """A client whose only answer is a summary, and what it was asked to summarise."""

    def __init__(self) -> None:
        self.asked: Final[list[Any]] = []
        self.responses: Final = SimpleNamespace(compact=self._compact)

    async def _compact(self, **request: Any) -> Any:
        self.asked.append(request.get("input"))
        return SimpleNamespace(output=[dict(SUMMARY)], usage=None)


def always(_: object) -> bool:
    """Decide for it, whatever it is about."""
    return True


def compacting(
    session: Any, compactor: Compactor, **options: Any
) -> OpenAIResponsesCompactionSession:
    """Put the SDK's compaction in front of a session, always due by default, or skip the case."""
    if isinstance(session, OpenAIResponsesCompactionSession):
        raise unittest.SkipTest("the session compacts already")
    options = {"compaction_mode": "input", "should_trigger_compaction": always, **options}
    return OpenAIResponsesCompactionSession(
        session.session_id, session, client=cast(Any, compactor), **options
    )


@case("extensions/memory/encrypt_session.py:353")
async def encryption_on_top_gives_back_what_it_took(it: Bench) -> None:
    """Everything reads back through EncryptedSession, and only envelopes are stored."""
    session = await it.session()
    sealed = encrypted(session, new_key())
    items = [said("a\x00b é😀"), {"type": "unknown", "x": [1, None]}, said("")]
    await sealed.add_items(items[:2])
    await sealed.add_items(items[2:])
    expect(await sealed.get_items(), items, "get_items() through EncryptedSession")
    expect(await sealed.get_items(2), items[1:], "get_items(2) through EncryptedSession")
    stored: Any = await session.get_items()
    expect(
        [sorted(item) for item in stored], [["__enc__", "kid", "payload", "v"]] * 3, "keys stored"
    )
    expect(await sealed.pop_item(), items[2], "pop_item() through EncryptedSession")
    await sealed.clear_session()
    expect(await session.get_items(), [], "what is stored after a clear through EncryptedSession")


@case("extensions/memory/encrypt_session.py:302")
async def encryption_on_top_sets_the_settings(it: Bench) -> None:
    """EncryptedSession reads and assigns session_settings of the session beneath it."""
    session = await it.session()
    sealed = encrypted(session, new_key())
    await sealed.add_items([said(1), said(2), said(3)])
    sealed.session_settings = SessionSettings(limit=2)
    expect(
        getattr(session.session_settings, "limit", None), 2, "the limit beneath EncryptedSession"
    )
    expect(contents(await sealed.get_items()), [2, 3], "get_items() with a default of 2")


@case("extensions/memory/encrypt_session.py:367")
async def encryption_on_top_finds_the_latest_readable(it: Bench) -> None:
    """It asks for twice as many until it can read enough, so a limit counts from the end."""
    session = await it.session()
    sealed = encrypted(session, new_key())
    await sealed.add_items([said(1), said(2), said(3)])
    await session.add_items([said(f"plain {n}") for n in range(5)])
    expect(contents(await sealed.get_items(2)), [2, 3], "get_items(2) behind unreadable items")


@case("memory/openai_responses_compaction_session.py:590")
async def compaction_on_top_replaces_the_history(it: Bench) -> None:
    """The model is given everything, and the summary is what is left."""
    session = await it.session()
    await session.add_items([said(n) for n in range(4)])
    compactor = Compactor()
    compact = compacting(session, compactor)
    await compact.run_compaction({"force": True})
    expect(contents(compactor.asked[0]), [0, 1, 2, 3], "what was to be summarised")
    expect(await session.get_items(), [SUMMARY], "what a compaction left")
    await compact.add_items([said(4)])
    expect(await compact.get_items(1), [said(4)], "get_items(1) through the compaction session")
    expect(await compact.pop_item(), said(4), "pop_item() through the compaction session")


@case("issue 4298")
async def compaction_on_top_that_is_cancelled_restores(it: Bench) -> None:
    """Cancelled between its clear and its add, a compaction puts every item back."""
    session = await it.session()
    items = [said(n) for n in range(4)]
    await session.add_items(items)
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    front = Fallible(session, hang)
    front.when = "before"
    task = asyncio.ensure_future(compacting(front, Compactor()).run_compaction({"force": True}))
    await asyncio.wait(
        {task, waiting := asyncio.ensure_future(reached.wait())}, return_when="FIRST_COMPLETED"
    )
    waiting.cancel()
    task.cancel()
    await expect_error(task, asyncio.CancelledError, "a cancelled compaction")
    expect(await session.get_items(), items, "get_items() after a cancelled compaction")
