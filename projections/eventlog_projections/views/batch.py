"""One batch of steps, folded into the rows of several projections."""

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from eventlog.errors import PoisonEventError
from eventlog.views import DeadLetter, Forgotten, Mark, Put, ViewSource
from eventlog_projections.views.state import ProjectionState
from eventlog_projections.views.step import Step

_log: Final = logging.getLogger("eventlog.views")

Replays = Mapping[int, Sequence[Step]]
"""All steps of a conversation up to that at a position, which took content away from it."""


class Folded(NamedTuple):
    """What a batch comes to, and which generations stop in it."""

    writes: list[Put | Mark | Forgotten]
    dead_letters: list[DeadLetter]
    stopped: list[PoisonEventError | None]
    """For each projection, at which event it stops."""


async def load(
    states: Iterable[ProjectionState], tables: ViewSource, steps: Sequence[Step], replays: Replays
) -> None:
    """Read the rows that the steps may ask for."""
    wanted = [*steps, *itertools.chain(*replays.values())]
    for state in states:
        await state.load(tables, wanted)


def fold(
    states: Sequence[ProjectionState],
    are_served: Sequence[bool],
    steps: Sequence[Step],
    replays: Replays,
) -> Folded:
    """Fold the steps into each projection.

    A generation that is served goes on without an event that its function cannot take; one that is
    being filled stops there, and its rows are reset.
    """
    found = Folded([], [], [])
    for state, is_served in zip(states, are_served, strict=True):
        try:
            dead_letters = _take_steps(state, steps, replays, is_strict=not is_served)
        except PoisonEventError as error:
            state.reset()
            found.stopped.append(error)
        else:
            found.dead_letters.extend(dead_letters)
            found.writes.extend(state.take())
            found.stopped.append(None)
    return found


def _take_steps(
    state: ProjectionState, steps: Sequence[Step], replays: Replays, *, is_strict: bool
) -> list[DeadLetter]:
    """Take the steps, and return those that could not be.

    Where a conversation lost content, all of it is folded anew; what of that cannot be taken was
    told before.
    """
    dead_letters: list[DeadLetter] = []
    for step in steps:
        replay = replays.get(step.position, ())
        if replay and state.restarts(replay):
            for before in replay[:-1]:
                _take_step(state, before, is_strict=is_strict)
        dead_letters += _take_step(state, step, is_strict=is_strict)
    return dead_letters


def _take_step(state: ProjectionState, step: Step, *, is_strict: bool) -> list[DeadLetter]:
    try:
        state.fold(step)
    except Exception as error:
        letter = state.dead_letter(step, error)
        if is_strict:
            raise PoisonEventError(letter.projection, step.position, letter.error) from error
        _log.warning(
            "view %s goes on without the event at position %d: %s",
            letter.projection,
            step.position,
            letter.error,
        )
        return [letter]
    return []
