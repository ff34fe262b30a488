"""RecordedSession: wraps any session and records every change of it in a log."""

import copy
import functools
from typing import Any, Final, Literal, Self

from agents import SessionSettings, TResponseInputItem

from eventlog import ConversationCleared, EventLog, ItemsAdded
from eventlog.errors import InvalidOptionError
from eventlog_openai_agents.forwarding import forwarding
from eventlog_openai_agents.recorder import Recorder, always, popped, result_of
from eventlog_openai_agents.runs import Wrapper

_CHANGING: Final = ("run_compaction", "_run_compaction", "_pop_item_with_validation")
"""What else of the SDK changes a list: its effect is recorded when it is done."""

_OPTIONAL: Final = ("run_compaction",)
"""What the SDK's protocols ask of some sessions: a wrapper may forward it without listing it."""

_set_type: Final = object.__dict__["__class__"].__set__
"""RecordedSession has a `__class__` of its own, for which this one still sets the real type."""


class RecordedSession:
    """Any session of the SDK, in the place of which this one is used; `log` gets what happens.

    It is the session that it records: for `isinstance`, by class and by protocol, for attributes
    that are read, assigned or looked up statically, and for the private hooks of the SDK. Calls go
    to `inner` first and are recorded then: what is recorded has happened. The conversation in the
    log has the session id of `inner`, which may become known by the first call.

    What a read returns is compared with the log. What is different was changed by somebody else, or
    by a call whose record was lost: it is recorded once, as the end of the list that became other
    items, by the actor "observed".

    on_log_failure: "raise" raises the log's error out of the call, though `inner` may have changed
    (the next read records that); "continue" answers as `inner` did, with an error in the logger
    `eventlog.recording` and a RuntimeWarning.

    `log` stays open when the session is closed. Use one object for a conversation in a process:
    calls of one object are recorded in the order in which they were made.
    """

    session_id: str
    session_settings: SessionSettings | None
    _inner: Any
    _recorder: Recorder

    def __init__(
        self,
        inner: Any,
        log: EventLog,
        *,
        actor: str | None = None,
        on_log_failure: Literal["raise", "continue"] = "raise",
    ) -> None:
        if on_log_failure not in ("raise", "continue"):
            raise InvalidOptionError(
                f"on_log_failure is 'raise' or 'continue', not {on_log_failure!r}."
            )
        _set_type(self, forwarding(type(self), inner, *_OPTIONAL))
        own = vars(self)
        own["_inner"] = inner
        own["_recorder"] = Recorder(inner, log, actor, raises=on_log_failure == "raise")

    @property
    def __class__(self) -> Any:
        """The class of the session that is recorded: the SDK asks by isinstance."""
        inner: object = self._inner
        return type(inner)

    @__class__.setter
    def __class__(self, _: Any) -> None:
        raise TypeError("the class of a recorded session is that of its inner session")

    def __repr__(self) -> str:
        return f"RecordedSession({self._inner!r})"

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *dir(self._inner)})

    def __getattr__(self, name: str) -> Any:
        found = getattr(vars(self)["_inner"], name)
        if name in _CHANGING:
            return self._recorder.watched(found)
        if name == "_get_compaction_snapshot":
            return self._recorder.watched_snapshot(found)
        return found

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._inner, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._inner, name)

    async def get_items(
        self, limit: int | None = None, *, wrapper: Wrapper | None = None
    ) -> list[TResponseInputItem]:
        """Return the session's items, and record where they differ from the log."""
        return await self._recorder.read(limit, wrapper)

    async def add_items(
        self, items: list[TResponseInputItem], *, wrapper: Wrapper | None = None
    ) -> None:
        """Add the items, and record them."""
        if not items:
            await self._recorder.call("add_items", items, wrapper=wrapper)
            return
        given = copy.deepcopy(items)  # The caller may go on with those while they wait.
        added = always(ItemsAdded(given))
        await self._recorder.change("add_items", given, found=added, wrapper=wrapper)

    async def pop_item(self, *, wrapper: Wrapper | None = None) -> TResponseInputItem | None:
        """Pop the last item, and record it."""
        item: TResponseInputItem | None = await self._recorder.change(
            "pop_item", found=popped, wrapper=wrapper
        )
        return item

    async def clear_session(self, *, wrapper: Wrapper | None = None) -> None:
        """Clear the session, and record it."""
        cleared = always(ConversationCleared())
        await self._recorder.change("clear_session", found=cleared, wrapper=wrapper)

    async def _atomic_replace_items(self, items: list[TResponseInputItem]) -> bool:
        """Replace the list, where the session can (the SDK looks this hook up on the type)."""
        replace = getattr(self.__class__, "_atomic_replace_items", None)
        if replace is None:
            return False
        replacing = self._recorder.watched(functools.partial(replace, self._inner))
        return bool(await replacing(items))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        closing = getattr(self._inner, "close", None)
        if closing is not None:
            await result_of(closing())
