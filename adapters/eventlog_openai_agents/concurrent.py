"""What a second run on one conversation gets: its place beside the first, its turn, or an error.

A run that has the conversation to itself says so in the log: it appends `RunBegan` where no other
run is at work, at the version where it has looked, so that of two that look at once one is refused.
It says `RunEnded` with its last items. The SDK tells a session of neither: a run begins with its
first read, and is over with a message that calls no tool, or with a call that waits for a person.

What ends otherwise, by an error or a tool that has the last word, is known to its own process: the
run's task is done or has begun another run, or nobody holds the run any more. To other processes,
and where the process died, it is over when its lease is, which each of its appends renews.
"""

import asyncio
import math
import os
import uuid
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from agents import RunContextWrapper

from eventlog import ConflictError, Context, Event, EventLog, NewEvent
from eventlog.errors import ConcurrentRunError, InvalidOptionError
from eventlog.events import RunBegan, RunEnded
from eventlog.retrying import Tries, others_were_first
from eventlog_projections import Conversation
from eventlog_projections.items.calls import answers, is_answer, is_call, is_hosted
from eventlog_projections.items.parts import fields_of

Wrapper = RunContextWrapper[Any]
Policy = Literal["allow", "wait", "refuse"]
Key = tuple[str, str]
"""Tenant and stream."""

Describe = Callable[[Wrapper, None], Context]
"""Returns the context of an append of the run."""

LEASE: Final = 600.0
"""Seconds after its last append in which a run that other processes know of counts as at work."""

WINDOW: Final = 256
"""So many versions are looked at first for a run that began; then four times as many."""

FIRST_LOOK: Final = 0.02
LAST_LOOK: Final = 0.5
"""Seconds between looks at a run that is waited for: at first, and at most."""


class Claim:
    """A run of this process that has a conversation to itself."""

    def __init__(self, run: str, until: int) -> None:
        self.run: Final = run
        self.until = until
        self.is_over = False
        self._task: Final = weakref.ref(cast("asyncio.Task[Any]", asyncio.current_task()))

    @property
    def is_at_work(self) -> bool:
        """Whether nothing that this process knows says that it is over."""
        task = self._task()
        return not self.is_over and task is not None and not task.done()


class _Found(NamedTuple):
    """The last run that began, and until when it counts as at work."""

    run: str
    until: int


_held: Final["weakref.WeakKeyDictionary[Wrapper, dict[Key, Claim]]"] = weakref.WeakKeyDictionary()
"""The claims of each run: they are gone when the run is."""

_claims: Final["weakref.WeakValueDictionary[str, Claim]"] = weakref.WeakValueDictionary()

_last_of: Final["weakref.WeakKeyDictionary[asyncio.Task[Any], weakref.ref[Wrapper]]"] = (
    weakref.WeakKeyDictionary()
)
"""The run that each task has begun last: before it begins another one, that one has ended."""

_processes: Final[dict[int, str]] = {}


class Concurrency:
    """Begins and ends runs on a conversation as a session was told to."""

    def __init__(self, policy: Policy, lease: float) -> None:
        if policy not in get_args(Policy):
            raise InvalidOptionError(
                f"concurrent_runs is 'allow', 'wait' or 'refuse', not {policy!r}."
            )
        if type(lease) not in (int, float) or not 0 < lease < math.inf:
            raise InvalidOptionError(f"run_lease is a number of seconds above 0, not {lease!r}.")
        self.policy: Final[Policy] = policy
        self.lease: Final = lease

    async def begin(
        self, conversation: Conversation, wrapper: Wrapper | None, key: Key, describe: Describe
    ) -> None:
        """Have the conversation to the run alone, from its first read on.

        Runs within it are part of it. Raises ConcurrentRunError where that is to be refused.
        """
        if self.policy == "allow" or wrapper is None:
            return
        context = describe(wrapper, None)
        if context.parent_run_id is not None:
            return
        _supersede(wrapper)
        known = _held.setdefault(wrapper, {}).get(key)
        if known is None or not known.is_at_work:
            _held[wrapper][key] = await self._claim(conversation, context)

    def beside(
        self, log: EventLog, wrapper: Wrapper | None, key: Key, items: Sequence[Any]
    ) -> list[Event]:
        """Return what an append of the run says of it: that it ends, or goes on for longer."""
        claim = _claim_of(wrapper, key)
        if claim is None:
            return []
        if is_last(items):
            return [RunEnded(claim.run)]
        now, length = log.spi.now, self._microseconds
        return [RunBegan(claim.run, now + length)] if now > claim.until - length // 2 else []

    def appended(self, wrapper: Wrapper | None, key: Key, said: Sequence[Event]) -> None:
        """Note what of it is stored."""
        claim = _claim_of(wrapper, key)
        if claim is None:
            return
        for event in said:
            if isinstance(event, RunBegan):
                claim.until = event.until
            else:
                claim.is_over = True

    async def end(
        self, conversation: Conversation, wrapper: Wrapper, key: Key, context: Context
    ) -> None:
        """Say that the run is over, if it has not said so."""
        claim = _claim_of(wrapper, key)
        if claim is not None:
            await conversation.append(NewEvent(RunEnded(claim.run), context))
            claim.is_over = True

    @property
    def _microseconds(self) -> int:
        return round(self.lease * 1e6)

    async def _claim(self, conversation: Conversation, context: Context) -> Claim:
        pause = FIRST_LOOK
        run = f"{_process()}{uuid.uuid4().hex}"
        log = conversation.log
        async for _ in Tries(at_once=2):
            while True:
                version = await log.version(conversation.name, branch=conversation.branch)
                other = await _at_work(conversation, version)
                if other is None:
                    break
                if self.policy == "refuse":
                    raise ConcurrentRunError(conversation.name, other)
                await asyncio.sleep(pause)
                pause = min(LAST_LOOK, pause * 1.5)
            claim = Claim(run, log.spi.now + self._microseconds)
            try:
                await conversation.append(NewEvent(RunBegan(run, claim.until), context), version)
            except ConflictError:
                continue
            _claims[run] = claim
            return claim
        raise others_were_first(conversation.name, "The run was not begun. Try again.")


def is_last(items: Sequence[Any]) -> bool:
    """Tell whether a run has nothing to do behind these items: it is done, or a person is asked."""
    calls = {index for index, item in enumerate(items) if is_call(item) and not is_hosted(item)}
    if calls - {found.call for found in answers(items)}:
        return True
    is_said = any(fields_of(item).get("role") == "assistant" for item in items)
    return is_said and not calls and not any(map(is_answer, items))


async def _at_work(conversation: Conversation, version: int) -> str | None:
    """Return the run that has the conversation to itself at a version; None if there is none."""
    found = await _last_began(conversation, version)
    if found is None:
        return None
    if found.run.startswith(_process()):
        claim = _claims.get(found.run)
        if claim is None or not claim.is_at_work:
            return None
    return found.run if conversation.log.spi.now < found.until else None


async def _last_began(conversation: Conversation, version: int) -> _Found | None:
    """Return the last run that began and has not said that it ended."""
    log, name, branch = conversation.log, conversation.name, conversation.branch
    window, until = WINDOW, version
    while until > 0:
        after = max(0, until - window)
        kinds = (RunBegan.kind, RunEnded.kind)
        began, ended = [
            await log.read(name, after=after, until=until, kind=kind, branch=branch).all()
            for kind in kinds
        ]
        if began:
            last = began[-1]
            run = last.header.run or ""
            is_over = any(e.version > last.version and e.header.run == run for e in ended)
            return None if is_over else _Found(run, last.header.until or 0)
        if ended:
            return None  # Whatever began before it has ended: one at a time.
        window, until = window * 4, after
    return None


def _claim_of(wrapper: Wrapper | None, key: Key) -> Claim | None:
    claim = None if wrapper is None else _held.get(wrapper, {}).get(key)
    return None if claim is None or claim.is_over else claim


def _supersede(wrapper: Wrapper) -> None:
    """Note that the run that this task has begun before is over."""
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    reference = _last_of.get(task)
    before = None if reference is None else reference()
    if before is not None and before is not wrapper:
        for claim in _held.get(before, {}).values():
            claim.is_over = True
    _last_of[task] = weakref.ref(wrapper)


def _process() -> str:
    """Return what the runs of this process are named with."""
    pid = os.getpid()
    if pid not in _processes:
        _processes[pid] = f"{uuid.uuid4().hex[:16]}-"
    return _processes[pid]
