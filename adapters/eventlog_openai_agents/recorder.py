"""Forwards calls to a session and records in the log what they changed."""

import asyncio
import contextlib
import dataclasses
import functools
import inspect
import logging
import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any, Final

from eventlog import Context, Event, EventLog, EventLogError, ItemPopped
from eventlog.limiter import ByteLimiter
from eventlog.settle import settle
from eventlog_openai_agents import runs
from eventlog_openai_agents.mirror import OBSERVED, Mirror, shared
from eventlog_openai_agents.runs import Wrapper
from eventlog_projections import ItemsRead

_log: Final = logging.getLogger("eventlog.recording")

_METHODS: Final = ("get_items", "add_items", "pop_item", "clear_session")

_ALL: Final = 2_147_483_647
"""As a limit: everything, whatever the session's own default limit is."""

_NEW: Final = ItemsRead(0, [], 0)

Found = Callable[[ItemsRead, Any], Event | None]
"""From the end of the list before a call, and its answer, to the event; None: read to see."""


class Recorder:
    """Calls one session, one call at a time, and records each change in a log."""

    def __init__(self, inner: Any, log: EventLog, actor: str | None, *, raises: bool) -> None:
        self._inner: Final = inner
        self._log: Final = log
        self._actor: Final = actor
        self._raises: Final = raises
        self._takes_wrapper: Final = all(_takes_wrapper(getattr(inner, name)) for name in _METHODS)
        self._one: Final = ByteLimiter(1)

    async def read(self, limit: int | None, wrapper: Wrapper | None) -> list[Any]:
        """Read the items, and record where they differ from the log."""
        async with self._turn():
            items: list[Any] = await self.call("get_items", *_given(limit), wrapper=wrapper)
            settings = getattr(self._inner, "session_settings", None)
            effective = settings.limit if limit is None and settings is not None else limit
            with self._failing():
                mirror = self._mirror()
                if mirror is not None:
                    version = await self._compare(mirror, items, effective)
                    runs.saw(wrapper, self._key(mirror), version, effective)
            return items

    async def change(
        self, method: str, *args: Any, found: Found, wrapper: Wrapper | None = None
    ) -> Any:
        """Call a method, and record what it did. Settles even if the caller is cancelled."""
        return await settle(asyncio.ensure_future(self._change(method, args, found, wrapper)))

    async def call(self, method: str, *args: Any, wrapper: Wrapper | None = None) -> Any:
        """Call a method of the session as the SDK would."""
        options = {"wrapper": wrapper} if self._takes_wrapper and wrapper is not None else {}
        return await result_of(getattr(self._inner, method)(*args, **options))

    def watched(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a hook of the SDK that changes the list: what came of it is recorded.

        It may read through the recorded session, so it does not wait for its turn.
        """

        @functools.wraps(hook)
        async def calling(*args: Any, **options: Any) -> Any:
            return await settle(asyncio.ensure_future(self._watch(hook, args, options)))

        return calling

    def watched_snapshot(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the hook that returns the end of a list beside how to replace it."""

        @functools.wraps(hook)
        async def calling(*args: Any, **options: Any) -> Any:
            snapshot = await hook(*args, **options)
            if snapshot is None:
                return None
            replace = self.watched(snapshot.replace_suffix)
            return dataclasses.replace(snapshot, replace_suffix=replace)

        return calling

    async def _change(
        self, method: str, args: Sequence[Any], found: Found, wrapper: Wrapper | None
    ) -> Any:
        async with self._turn():
            mirror, before = None, _NEW
            with self._failing():
                mirror = self._mirror()
                if mirror is not None:
                    before = await self._look(mirror, method)
            answer = await self.call(method, *args, wrapper=wrapper)
            with self._failing():
                # A session may have its id, or another one, only now.
                mirror = mirror or self._mirror()
                if mirror is not None:
                    await self._record(mirror, before, found(before, answer), wrapper)
            return answer

    async def _look(self, mirror: Mirror, method: str) -> ItemsRead:
        """Return the end of the list; what a call may take away is in the log before it does."""
        view = await mirror.read(1)
        if view.version == 0 or method == "clear_session":
            await mirror.catch_up(OBSERVED)
        elif method == "pop_item":
            await self._compare(mirror, await self.call("get_items", 1), 1)
        else:
            return view
        return await mirror.read(1)

    async def _record(
        self, mirror: Mirror, before: ItemsRead, event: Event | None, wrapper: Wrapper | None
    ) -> None:
        context = self._context(mirror, wrapper)
        if event is None:
            await mirror.catch_up(context)
        else:
            await mirror.record(event, before.version, context)

    async def _watch(
        self, hook: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        answer = await result_of(hook(*args, **options))
        with self._failing():
            mirror = self._mirror()
            if mirror is not None:
                async with self._turn():
                    await mirror.catch_up(self._context(mirror, options.get("wrapper")))
        return answer

    async def _compare(self, mirror: Mirror, items: Sequence[Any], limit: int | None) -> int:
        view = await mirror.read(len(items))
        is_all = limit is None or len(items) < limit
        is_same = shared(view.items, items) == len(items)
        if is_same and (not is_all or view.total == len(items)):
            return view.version
        return await mirror.catch_up(OBSERVED)

    def _mirror(self) -> Mirror | None:
        name = self._name()
        if name is None:
            return None

        async def read() -> list[Any]:
            if self._name() != name:
                return []  # It was deleted; reading would create another.
            items: list[Any] = await self.call("get_items", _ALL)
            return items

        return Mirror(self._log, name, read)

    def _name(self) -> str | None:
        try:
            name: str | None = self._inner.session_id
        except ValueError:  # OpenAIConversationsSession, before its first call.
            return None
        return name

    def _key(self, mirror: Mirror) -> tuple[str, str]:
        return self._log.tenant, mirror.name

    def _context(self, mirror: Mirror, wrapper: Wrapper | None) -> Context:
        return runs.describe(wrapper, self._key(mirror), self._actor, runs.current_agent())

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        """Wait for the calls before this one, in whatever loop and thread they are."""
        await self._one.enter(1)
        try:
            yield
        finally:
            self._one.leave(1)

    @contextlib.contextmanager
    def _failing(self) -> Generator[None]:
        try:
            yield
        except EventLogError as error:
            if self._raises:
                raise
            what = "A call of a recorded session is not in the log; the next read records it"
            _log.exception("%s.", what)
            warnings.warn(f"{what}: {error}", RuntimeWarning, stacklevel=2)


def always(event: Event) -> Found:
    """Return a function that finds this event, whatever the call returned."""
    return lambda _before, _answer: event


def popped(before: ItemsRead, item: Any) -> Event | None:
    """Return ItemPopped if the popped item is the last one in the log; otherwise None."""
    is_last = item is not None and shared(before.items, [item]) == 1
    return ItemPopped() if is_last else None


async def result_of(answer: Any) -> Any:
    """Await what a method returned, if it is async."""
    return await answer if inspect.isawaitable(answer) else answer


def _given(limit: int | None) -> tuple[int, ...]:
    return () if limit is None else (limit,)


def _takes_wrapper(method: Any) -> bool:
    """Tell whether a method takes the wrapper, by the SDK's own test."""
    try:
        parameter = inspect.signature(method).parameters.get("wrapper")
    except (TypeError, ValueError):
        return False
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return parameter is not None and parameter.kind in by_name
