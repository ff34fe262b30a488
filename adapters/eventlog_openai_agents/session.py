"""EventLogSession: the methods of the SDK's Session protocol, on a log."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self, cast

from agents import RunResult, RunResultStreaming, SessionSettings, TResponseInputItem

from eventlog import Context, Event, EventLog, NewEvent
from eventlog.addresses.log import MEMORY
from eventlog.format.names import check_name
from eventlog.keys import KeyRing
from eventlog_openai_agents import runs, usage
from eventlog_openai_agents.branches import WithBranches
from eventlog_openai_agents.compaction import WithCompaction
from eventlog_openai_agents.concurrent import LEASE, Concurrency, Policy
from eventlog_openai_agents.history import WithHistory
from eventlog_openai_agents.opening import Closing, Location, check_one_place, given_log, open_log
from eventlog_openai_agents.runs import Wrapper
from eventlog_openai_agents.sdk_files import explained
from eventlog_openai_agents.turn_usage import WithUsage
from eventlog_projections import Change, Diff

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_Settings = SessionSettings | dict[str, Any] | None


class EventLogSession(WithBranches, WithCompaction, WithHistory, WithUsage):
    """A session that never loses anything: every change is an event in an append-only log.

    `db_path` is the path of a SQLite file, or ":memory:" for a log that only this object can see.
    For PostgreSQL use `from_url`; for options of the log, open an EventLog and give it as `log`,
    which stays open when the session is closed. `engine`, an async engine of SQLAlchemy on SQLite
    or PostgreSQL, says where the log is by its URL; neither its pool nor its transactions are used,
    and it stays its owner's. `keyring` encrypts everything that holds content (docs/encryption.md);
    every session on one database has to give an equal one. `actor` is who the writer says it is,
    recorded with each event; without it the current agent is recorded. `tenant` is the log's, or
    "default". `import_existing`: where the database holds the history of the SDK's own sessions,
    the first call copies all of it into a log beside their tables, which stay as they are.
    `limit_turns`: a read gives the last so many turns, whole, unless it or `session_settings` says
    a limit of items. `concurrent_runs` is what a run gets that reads while another one is at work
    on the conversation: "allow" its place beside it, "wait" its turn, "refuse" ConcurrentRunError;
    every session on it has to say the same. A run that dies is over `run_lease` seconds after its
    last append (docs/openai-agents.md).

    Closing is optional; `async with` and `close()` are there for those who want it. A session may
    be used from several event loops and threads. `session_settings` may be assigned, as a dict too.

    Raises InvalidNameError, InvalidAddressError or InvalidOptionError; a database is first touched
    by the first call, whose errors are those of EventLog.
    """

    session_settings: SessionSettings | None

    def __init__(
        self,
        session_id: str,
        db_path: Location = MEMORY,
        *,
        engine: "AsyncEngine | None" = None,
        session_settings: _Settings = None,
        limit_turns: int | None = None,
        tenant: str | None = None,
        actor: str | None = None,
        log: EventLog | None = None,
        keyring: KeyRing | None = None,
        import_existing: bool = False,
        concurrent_runs: Policy = "allow",
        run_lease: float = LEASE,
    ) -> None:
        check_name("session_id", session_id)
        check_one_place(db_path, engine, log)
        self.session_settings = _coerce(session_settings)
        self.limit_turns = limit_turns
        self._runs: Final = Concurrency(concurrent_runs, run_lease)
        self.engine: Final = engine
        opened = (
            open_log(
                db_path, engine, tenant=tenant, keyring=keyring, import_existing=import_existing
            )
            if log is None
            else given_log(log, tenant=tenant, keyring=keyring, import_existing=import_existing)
        )
        self._owned = opened.owned
        super().__init__(session_id, opened.log, actor, opened.before_use)

    @classmethod
    def from_url(
        cls,
        session_id: str,
        *,
        url: str,
        session_settings: _Settings = None,
        limit_turns: int | None = None,
        tenant: str | None = None,
        actor: str | None = None,
        keyring: KeyRing | None = None,
        import_existing: bool = False,
        concurrent_runs: Policy = "allow",
        run_lease: float = LEASE,
    ) -> Self:
        """Open a session by the URL of its database: postgresql://... or sqlite:///path."""
        return cls(
            session_id,
            url,
            session_settings=session_settings,
            limit_turns=limit_turns,
            tenant=tenant,
            actor=actor,
            keyring=keyring,
            import_existing=import_existing,
            concurrent_runs=concurrent_runs,
            run_lease=run_lease,
        )

    def __repr__(self) -> str:
        return f"EventLogSession({self.session_id!r}, log={self.log!r})"

    def __setattr__(self, name: str, value: object) -> None:
        # The SDK reads `.limit` of it; users may assign a dict, as they may give one.
        if name == "session_settings":
            value = _coerce(cast(_Settings, value))
        super().__setattr__(name, value)

    async def get_items(
        self,
        limit: int | None = None,
        branch_id: str | None = None,
        *,
        as_of: int | datetime | None = None,
        limit_turns: int | None = None,
        wrapper: Wrapper | None = None,
    ) -> list[TResponseInputItem]:
        """Return the items, oldest first, or the latest `limit` of them, as fresh objects.

        0 gives nothing and a negative limit everything, as in SQLiteSession. `branch_id` reads
        another branch than the current one; there are no items on one that does not exist. `as_of`
        is a version or an aware datetime: the items as they were then. `limit_turns` gives the last
        turns, whole, so that no call is parted from its output; without either limit the session's
        own count, its settings first.
        """
        conversation = self._open(branch_id)
        limit, turns = self._limits(limit, limit_turns)
        with explained():
            if as_of is None and branch_id is None:
                await self._runs.begin(conversation, wrapper, self._key, self._context)
            seen = await conversation.read(as_of=as_of, limit=limit, limit_turns=turns)
        if as_of is None and conversation.branch == self._conversation.branch:
            shown = limit if turns is None else len(seen.items)
            runs.saw(wrapper, self._key, seen.version, shown)
            if wrapper is None and len(seen.items) == seen.total:
                self._reads.read(seen.version, seen.total)
        return cast(list[TResponseInputItem], seen.items)

    async def add_items(
        self, items: list[TResponseInputItem], *, wrapper: Wrapper | None = None
    ) -> None:
        """Append the items as one batch, all or nothing; with them, what the run has used since.

        Raises InvalidItemError, which is a TypeError, for what JSON cannot hold.
        """
        conversation, key = self._open(), self._key
        with explained(), usage.unrecorded(wrapper if items else None) as used:
            context = runs.describe(wrapper, key, self.actor, runs.author(items))
            said = self._runs.beside(self.log, wrapper, key, items)
            beside = said if used is None else [used, *said]
            added = await conversation.add(items, context=context, beside=beside)
        if added is not None:
            self._runs.appended(wrapper, key, said)
            self._reads.added(added, len(items))

    async def pop_item(
        self,
        *,
        actor: str | None = None,
        reason: str | None = None,
        wrapper: Wrapper | None = None,
    ) -> TResponseInputItem | None:
        """Take the last item off the list and return it, or None; it stays in the log."""
        conversation = self._open()
        popped = conversation.pop(reason=reason, context=self._context(wrapper, actor))
        return cast(TResponseInputItem | None, await self._settled(popped))

    async def clear_session(
        self,
        *,
        actor: str | None = None,
        reason: str | None = None,
        wrapper: Wrapper | None = None,
    ) -> None:
        """Empty the list, and that of each branch; "main" is the current one then.

        Every item stays in the log. Each branch is cleared by an event of its own, "main" first.
        """
        await self._clear_all(reason, self._context(wrapper, actor))

    async def clear(
        self, *, actor: str | None = None, reason: str | None = None
    ) -> list[Change[Diff]]:
        """Do what `clear_session` does, and return what it did to each branch, "main" first."""
        return await self._clear_all(reason, self._context(None, actor))

    async def _clear_all(self, reason: str | None, context: Context) -> list[Change[Diff]]:
        conversation = self._open()
        changes = await self._settled(conversation.clear_all(reason=reason, context=context))
        if conversation.branch:
            self._switch(self._main())
        return changes

    async def record(self, event: Event, *, agent: str, wrapper: Wrapper) -> None:
        """Append an event that changes no item, recorded for `agent` in this run."""
        conversation = self._open()
        context = runs.describe(wrapper, self._key, self.actor, agent)
        with explained():
            recorded = await conversation.append(NewEvent(event, context))
        self._reads.added(recorded, 0)

    async def store_run_usage(self, result: RunResult | RunResultStreaming) -> None:
        """Record what a run has used and no append has recorded, and that it is over."""
        await super().store_run_usage(result)
        wrapper = result.context_wrapper
        with explained():
            await self._runs.end(self._open(), wrapper, self._key, self._context(wrapper, None))

    def close(self) -> Awaitable[None]:
        """End the session at once; await it to close the log too, if it opened it. Idempotent.

        A program of SQLiteSession, whose close is not async, does not await it: a log that is not
        closed costs nothing.
        """
        self._closed = True
        return Closing(self._owned)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _limits(self, limit: int | None, turns: int | None) -> tuple[int | None, int | None]:
        """Return the limits of a read: those that were given, or else those of the session."""
        if limit is None and turns is None:
            limit = None if self.session_settings is None else self.session_settings.limit
            turns = self.limit_turns if limit is None else None
        return _unless_negative(limit), _unless_negative(turns)

    def _beside(self, session_id: str) -> Self:
        return type(self)(
            session_id,
            session_settings=self.session_settings,
            limit_turns=self.limit_turns,
            actor=self.actor,
            log=self.log,
            concurrent_runs=self._runs.policy,
            run_lease=self._runs.lease,
        )


def _unless_negative(limit: int | None) -> int | None:
    """Return a limit; a negative one is none, as in SQLiteSession."""
    return None if type(limit) is int and limit < 0 else limit


def _coerce(settings: _Settings) -> SessionSettings:
    return (
        settings if isinstance(settings, SessionSettings) else SessionSettings().resolve(settings)
    )
