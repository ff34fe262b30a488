"""One batch of steps, folded into the rows of several projections."""

import itertools
import logging
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from eventlog.errors import KeyRingError, PoisonEventError
from eventlog.views import DeadLetter, Forgotten, Mark, Put, ViewSource
from eventlog_projections.views.letters import REFUSED, is_because
from eventlog_projections.views.projection import can_refold
from eventlog_projections.views.state import ProjectionState, Wanted
from eventlog_projections.views.step import Step

BATCH_BYTES: Final = 32 * 1024 * 1024
"""How many bytes of JSON may be decoded for one batch, but for the event that goes beyond."""

TOGETHER: Final = 32
"""Maximum number of steps until a fold lets others do something."""

_log: Final = logging.getLogger("eventlog.views")


class Replay(NamedTuple):
    """All steps of a conversation up to one that takes content away from it, in order."""

    steps: Sequence[Step]
    letters: Mapping[tuple[str, int], Sequence[DeadLetter]]
    """The dead letters of the conversation, by projection and generation."""

    def of(self, state: ProjectionState) -> Sequence[DeadLetter]:
        """Return the dead letters of a generation."""
        return self.letters.get(state.key, ())

    def excluded(self, state: ProjectionState) -> frozenset[int]:
        """Return the positions of what the database refused before and would refuse again."""
        erased = {step.position for step in self.steps if step.event.is_erased}
        refused = [letter.position for letter in self.of(state) if is_because(letter, REFUSED)]
        return frozenset(refused) - erased


Replays = Mapping[int, Replay]
"""By the position of the step that takes content away."""


class Folded(NamedTuple):
    """What a batch comes to, and which generations stop in it."""

    writes: list[Put | Mark | Forgotten]
    letters: list[DeadLetter]
    taken: list[DeadLetter]
    """Those that are none any more."""
    purged: list[tuple[str, int, bytes]]
    """Generations that hold nothing any more of what was erased from a stream."""
    stopped: list[PoisonEventError | None]
    """For each projection, at which event it stops."""

    def add(self, other: "Folded") -> None:
        """Take over what another one comes to."""
        self.writes.extend(other.writes)
        self.letters.extend(other.letters)
        self.taken.extend(other.taken)
        self.purged.extend(other.purged)
        self.stopped.extend(other.stopped)


async def load(
    states: Iterable[ProjectionState], tables: ViewSource, steps: Sequence[Step], replays: Replays
) -> None:
    """Read the rows that the steps may ask for."""
    replayed = itertools.chain.from_iterable(replay.steps for replay in replays.values())
    wanted = Wanted([*steps, *replayed])
    for state in states:
        await state.load(tables, wanted)


def fold(
    states: Sequence[ProjectionState], steps: Sequence[Step], replays: Replays, *, is_strict: bool
) -> Generator[None, None, tuple[Folded, int]]:
    """Fold the steps into each projection, and return how many were folded.

    Those that are left would have more held in memory than BATCH_BYTES come to. A generation goes
    on without an event that its function cannot take; if that is strict, it stops there, and its
    rows are reset. Yields now and then, for whatever else there is to do.
    """
    found = Folded([], [], [], [], [])
    folds = [_Fold(state, replays, is_strict=is_strict) for state in states]
    room, taken = BATCH_BYTES, 0
    while taken < len(steps) and room > 0:
        some = _next(steps, taken)
        for each in folds:
            each.take(some)
        taken += len(some)
        room -= sum(step.let_go() for step in some)
        yield
    for each in folds:
        each.end(found)
    return found, taken


def fold_again(
    state: ProjectionState, replay: Replay, excluded: Collection[int], *, is_strict: bool = False
) -> Folded:
    """Fold a conversation anew, without the steps at positions of `excluded`.

    The writes are left in the state. Its dead letters are those that were and cannot be taken now
    either, and new ones.
    """
    found = Folded([], [], [], [], [])
    known = {letter.position: letter for letter in replay.of(state)}
    purges = True
    try:
        state.restart(replay.steps)
    except Exception as error:  # noqa: BLE001 - a function of anybody's
        purges = False
        found.letters.append(_set_aside(state, replay.steps[-1], error, is_strict=is_strict))
    for step in replay.steps:
        if step.position in excluded:
            continue
        is_known = step.position in known
        _take_step(state, step, found.letters, is_strict=is_strict, is_known=is_known)
        step.let_go()
    still = {letter.position for letter in found.letters} | {*excluded}
    found.taken.extend(letter for position, letter in known.items() if position not in still)
    if purges:
        streams = dict.fromkeys(step.stream_id for step in replay.steps)
        found.purged.extend((*state.key, stream_id) for stream_id in streams)
    return found


class _Fold:
    """Folds steps for one generation, up to the event that it stops at, if it does."""

    def __init__(self, state: ProjectionState, replays: Replays, *, is_strict: bool) -> None:
        self._state = state
        self._replays = replays
        self._is_strict = is_strict
        self._found = Folded([], [], [], [], [])
        self._stopped: PoisonEventError | None = None

    def take(self, steps: Sequence[Step]) -> None:
        """Take steps; where a conversation lost content, all of it is folded anew."""
        if self._stopped is None:
            try:
                self._take(steps)
            except PoisonEventError as error:
                self._stopped = error

    def end(self, found: Folded) -> None:
        """Add what it comes to."""
        if self._stopped is None:
            found.add(self._found)
            found.writes.extend(self._state.take())
        else:
            self._state.reset()
        found.stopped.append(self._stopped)

    def _take(self, steps: Sequence[Step]) -> None:
        state, letters, replays = self._state, self._found.letters, self._replays
        for step in steps:
            if step.is_erasing and step.position in replays and can_refold(state.projection):
                self._fold_again(replays[step.position])
            else:
                _take_step(state, step, letters, is_strict=self._is_strict)

    def _fold_again(self, replay: Replay) -> None:
        state, found = self._state, self._found
        again = {each.position for each in replay.steps}
        found.letters[:] = [each for each in found.letters if each.position not in again]
        found.add(fold_again(state, replay, replay.excluded(state), is_strict=self._is_strict))


def _next(steps: Sequence[Step], start: int) -> Sequence[Step]:
    """Return steps from `start` on, at least one, whose items are not much whatever they are."""
    room, stop = BATCH_BYTES // 8, start
    while stop < min(len(steps), start + TOGETHER) and room > 0:
        room -= steps[stop].most_decoded
        stop += 1
    return steps[start : max(start + 1, stop - (room < 0))]


def _take_step(
    state: ProjectionState,
    step: Step,
    letters: list[DeadLetter],
    *,
    is_strict: bool,
    is_known: bool = False,
) -> None:
    try:
        state.fold(step)
    except Exception as error:  # noqa: BLE001 - a function of anybody's
        letters.append(_set_aside(state, step, error, is_strict=is_strict, is_known=is_known))


def _set_aside(
    state: ProjectionState,
    step: Step,
    error: Exception,
    *,
    is_strict: bool,
    is_known: bool = False,
) -> DeadLetter:
    letter = state.dead_letter(step, error)
    if is_strict and isinstance(error, KeyRingError):
        raise error  # An outage: nothing is wrong with the event.
    if is_strict:
        raise PoisonEventError(letter.projection, step.position, letter.error) from error
    if not is_known:
        warn(letter)
    return letter


def warn(letter: DeadLetter) -> None:
    """Tell the log of the process of an event that was set aside."""
    _log.warning(
        "view %s goes on without the event at position %d: %s",
        letter.projection,
        letter.position,
        letter.error,
    )
