"""What is asked of a session, and what it answers, written down."""

import functools
import inspect
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from agents import Session

from eventlog_session_conformance.agent import kinds

_SEALED: Final = re.compile(r'("payload": )"[^"]*"')
"""What EncryptedSession writes differently each time."""


@dataclass
class Call:
    """One call of a session's method: its arguments but for the run's wrapper, and its outcome."""

    method: str
    arguments: str
    outcome: str = "none yet"

    def __str__(self) -> str:
        given = json.loads(self.arguments)
        if self.method == "add_items":
            return f"add[{' '.join(kinds(given['items']))}]"
        return f"{self.method.partition('_')[0]}({given.get('limit', '')})"


def recorded(session: Session) -> list[Call]:
    """Write down each call of the session's four methods from now on."""
    calls: list[Call] = []
    for name in ("get_items", "add_items", "pop_item", "clear_session"):
        setattr(session, name, _recording(name, getattr(session, name), calls))
    return calls


def _recording(
    name: str, method: Callable[..., Awaitable[Any]], calls: list[Call]
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def record(*args: Any, **options: Any) -> Any:
        given = dict(inspect.signature(method).bind(*args, **options).arguments)
        given.pop("wrapper", None)
        call = Call(name, _text(given))
        calls.append(call)
        try:
            answer = await method(*args, **options)
        except BaseException as error:
            call.outcome = repr(error)
            raise
        call.outcome = _text(answer)
        return answer

    return record


def _text(value: object) -> str:
    return _SEALED.sub(r'\1"…"', json.dumps(value))
