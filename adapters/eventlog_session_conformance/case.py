"""One promise of a session, checked on a conversation of its own."""

import asyncio
import inspect
import json
import unittest
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from agents import Session, SessionABC

MakeSession = Callable[[str], Session | SessionABC | Awaitable[Session | SessionABC]]
"""Makes a session of that id, on the one store of all sessions that it makes."""

Need = Literal[
    "shared", "several_loops", "settings_from_dict", "closes", "survives_a_wrong_key", "recover"
]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a session is meant to do where sessions differ.

    What is switched off is reported as skipped, with its reason.
    """

    negative_limit: Literal["all", "nothing", "any"] = "all"
    """What a negative limit gives: the SDK's sessions differ. "any" asks for nothing."""

    shared: bool = True
    """Two sessions of one id are one conversation."""

    several_loops: bool = True
    """One session may be used from several event loops and threads, as Runner.run_sync does."""

    settings_from_dict: bool = False
    """A dict assigned to `session_settings` becomes a SessionSettings."""

    closes: bool = False
    """After `close()`, which may be called twice, every method raises RuntimeError."""

    survives_a_wrong_key: bool = True
    """A pop through EncryptedSession with a wrong key loses nothing. Only the SDK's SQLiteSession
    can prevent it; another session needs `recover`, or this switched off."""

    recover: Callable[[Session], Awaitable[list[Any]]] | None = None
    """Returns all items that were ever added, also those popped or cleared, oldest first."""

    patience: float = 30
    """Seconds after which a case that does not end has failed."""


_WITHOUT: Final[dict[Need, str]] = {
    "shared": "two sessions of one id are two conversations (Options.shared)",
    "several_loops": "the session is for one event loop only (Options.several_loops)",
    "settings_from_dict": "settings are assigned as objects only (Options.settings_from_dict)",
    "closes": "the session has nothing to close (Options.closes)",
    "survives_a_wrong_key": "a pop with a wrong key destroys what it cannot read"
    " (Options.survives_a_wrong_key)",
    "recover": "what was popped or cleared is gone for good (Options.recover)",
}


class BrokenPromiseError(AssertionError):
    """What a session did is not what it promises: `what`, what was `expected`, and what `came`."""

    def __init__(self, what: str, expected: str, came: str) -> None:
        super().__init__(f"{what}: expected {expected}, came {came}")
        self.what: Final = what
        self.expected: Final = expected
        self.came: Final = came


class Bench:
    """What a case works on: sessions of a conversation that nobody else uses."""

    def __init__(self, make_session: MakeSession, options: Options) -> None:
        self.options: Final = options
        self.id: Final = f"conformance-{uuid.uuid4().hex}"
        self._make: Final = make_session
        self._made: Final[list[Session]] = []

    async def session(self, suffix: str = "") -> Session:
        """Make another session of the case's conversation, or of the one with this suffix."""
        made = self._make(self.id + suffix)
        session = await made if inspect.isawaitable(made) else made
        self._made.append(session)
        return session

    async def close(self) -> None:
        """Close every session that was made, if it can be closed, and forget it."""
        errors = [await error_of(close(self._made.pop())) for _ in list(self._made)]
        for error in filter(None, errors):
            raise error


async def close(session: Session) -> None:
    """Close a session that has a `close`, which need not be async."""
    closing = getattr(session, "close", None)
    if callable(closing):
        closed = closing()
        if inspect.isawaitable(closed):
            await closed


async def error_of(call: Awaitable[Any]) -> BaseException | None:
    """Await a call to its end and return what it raised, be it a CancelledError."""
    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
    return asyncio.CancelledError() if task.cancelled() else task.exception()


Check = Callable[[Bench], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """One promise: its `name`, the `promise` in a line, and where the SDK says or relies on it."""

    name: str
    promise: str
    reference: str
    check: Check
    needs: tuple[Need, ...] = ()

    def __str__(self) -> str:
        return self.name

    def missing(self, options: Options) -> tuple[Need, ...]:
        """Return what the case needs and the options do not give: any of it rules the case out."""
        return tuple(need for need in self.needs if not getattr(options, need))

    async def run(self, make_session: MakeSession, options: Options | None = None) -> None:
        """Check the promise on a new conversation.

        Raises BrokenPromiseError, which is an AssertionError, or what the session raised;
        unittest.SkipTest, which pytest knows, where an option rules the case out.
        """
        options = options or Options()
        for need in self.missing(options):
            raise unittest.SkipTest(_WITHOUT[need])
        task = asyncio.ensure_future(self._check(Bench(make_session, options)))
        try:
            # Not wait_for: it would wait for a session that ignores its cancellation.
            await asyncio.wait({task}, timeout=options.patience)
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            raise BrokenPromiseError(
                "the calls of this case",
                f"an end within {options.patience} s (Options.patience)",
                "one that never returns",
            )
        task.result()

    async def _check(self, bench: Bench) -> None:
        broken = await error_of(self.check(bench))
        unclosed = await error_of(bench.close())
        if error := broken or unclosed:
            raise error


class Collection(list[Case]):
    """The cases of a module, in its order."""

    def __call__(self, reference: str, *needs: Need) -> Callable[[Check], Check]:
        """Collect an async function; its docstring's first line is the promise."""

        def collect(check: Check) -> Check:
            name: str = getattr(check, "__name__", "")
            promise = (inspect.getdoc(check) or "").partition("\n")[0].rstrip(".")
            self.append(Case(name, promise, reference, check, needs))
            return check

        return collect


def expect(came: object, expected: object, what: str) -> None:
    """Raise BrokenPromiseError unless both are the same JSON; the order of keys does not count."""
    if (seen := _text(came)) != (wanted := _text(expected)):
        raise BrokenPromiseError(what, *_shortened(wanted, seen))


def expect_one_of(came: object, expected: list[Any], what: str) -> None:
    """Raise BrokenPromiseError unless `came` is one of several."""
    if _text(came) not in (texts := [_text(each) for each in expected]):
        raise BrokenPromiseError(what, " or ".join(map(_cut, texts)), _cut(_text(came)))


async def expect_error(call: Awaitable[Any], kind: type[BaseException], what: str) -> None:
    """Raise BrokenPromiseError unless the call raises an error of this kind."""
    error = await error_of(call)
    if not isinstance(error, kind):
        came = "no error" if error is None else repr(error)
        raise BrokenPromiseError(what, kind.__name__, came)


def said(content: object) -> Any:
    """Make an item."""
    return {"role": "user", "content": content}


def contents(items: list[Any]) -> list[Any]:
    """Return what was said in each item."""
    return [item["content"] for item in items]


def _text(value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError):
        return repr(value)


_SHOWN: Final = 240


def _shortened(expected: str, came: str) -> tuple[str, str]:
    """Begin both where they begin to differ, if they are long."""
    if max(len(expected), len(came)) <= _SHOWN:
        return expected, came
    same = next(
        (n for n, pair in enumerate(zip(expected, came, strict=False)) if len({*pair}) > 1), 0
    )
    start = max(0, same - _SHOWN // 3)
    return _cut(expected, start), _cut(came, start)


def _cut(text: str, start: int = 0) -> str:
    end = start + _SHOWN
    return f"{'…' * (start > 0)}{text[start:end]}{'…' * (end < len(text))}"
