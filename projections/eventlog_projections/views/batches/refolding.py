"""Folding one conversation anew, in one transaction with the checkpoint of a generation.

For what was erased from it, and for events of it that were set aside and may be taken now.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from eventlog.errors import InvalidInputError, RefusedValueError
from eventlog.views import Batch, Checkpoint, DeadLetter, LogViews, Moved, ViewSource
from eventlog_projections.views.batches.batch import Replay, fold_again, warn
from eventlog_projections.views.letters import REFUSED, letter_of
from eventlog_projections.views.list_sizes import ListSizes
from eventlog_projections.views.plan import Key
from eventlog_projections.views.projection import Projection, can_refold
from eventlog_projections.views.state import ProjectionState, Wanted
from eventlog_projections.views.step import Step

MAX_FOUND: Final = 16
"""Maximum number of events that are looked for one by one where the database refuses several."""


class Named(NamedTuple):
    """A conversation of a tenant."""

    tenant: str
    conversation: str


async def read_replay(views: LogViews, of: Named, until: int, keys: Sequence[Key]) -> Replay:
    """Read the steps of a conversation up to a position, and its dead letters."""
    found = await views.conversation(of.tenant, of.conversation, until)
    sizes = ListSizes(views)
    steps = await sizes.steps(found)
    streams = list(dict.fromkeys(step.stream_id for step in steps))
    letters = {key: await views.tables.letters(*key, streams) for key in keys}
    return Replay(steps, letters)


def where_it_is(point: Checkpoint) -> Moved:
    """Return the move that only begins the next epoch of a generation."""
    position, rate, at = point.position, point.rate, point.moved_at
    return Moved(*point.key, position, position, rate, at, point.epoch, renews=True)


class Refold:
    """Folds the steps of a conversation anew for one generation, and moves its checkpoint.

    Raises InvalidInputError where the projection has no way to do so.
    """

    def __init__(
        self,
        tables: ViewSource,
        projection: Projection,
        point: Checkpoint,
        moved: Moved,
        replay: Replay,
    ) -> None:
        self._tables = tables
        self._projection = projection
        self._point = point
        self._moved = moved
        self._replay = replay
        if not can_refold(projection):
            raise InvalidInputError(
                f"View {projection.name!r} cannot fold one conversation anew: it has rows of"
                " several, and no function `withdraw`. Rebuild it."
            )

    async def run(self, *, retries: bool, purged: Sequence[bytes] = ()) -> bool:
        """Store the rows, without those of steps that the database refuses.

        What it refused before is left out, unless this `retries`. `purged` names streams that hold
        nothing any more of what was erased. False, and nothing happens, if the generation is not
        where it was.
        """
        left_out: dict[int, DeadLetter | None] = {}
        if not retries:
            left_out |= dict.fromkeys(self._replay.excluded(self._state()))
        for _ in range(MAX_FOUND):
            try:
                return await self._apply(left_out, purged)
            except RefusedValueError as error:
                bad = await self._first_refused(left_out)
                left_out[bad.position] = letter_of(*self._point.key, bad, error)
        return await self._apply({**self._every_step(), **left_out}, purged)

    def _every_step(self) -> dict[int, DeadLetter | None]:
        """Return a dead letter for each: whatever the database says, no old row stays."""
        why = f"{REFUSED}: so is much of its conversation"
        return {
            step.position: DeadLetter(
                *self._point.key, step.position, step.stream_id, step.version, why
            )
            for step in self._replay.steps
        }

    async def _first_refused(self, left_out: Mapping[int, DeadLetter | None]) -> Step:
        """Return the first step with which the rows are refused, by trials that are rolled back."""
        steps = [step for step in self._replay.steps if step.position not in left_out]
        good, bad = 0, len(steps)
        while bad - good > 1:
            middle = (good + bad) // 2
            without = dict.fromkeys(step.position for step in steps[middle:])
            try:
                await self._apply({**left_out, **without}, is_trial=True)
            except RefusedValueError:
                bad = middle
            else:
                good = middle
        if not bad:
            raise InvalidInputError(
                f"The database refuses rows of view {self._projection.name!r} that no event of the"
                " conversation wrote. Rebuild it."
            )
        return steps[bad - 1]

    async def _apply(
        self,
        left_out: Mapping[int, DeadLetter | None],
        purged: Sequence[bytes] = (),
        *,
        is_trial: bool = False,
    ) -> bool:
        state, steps = self._state(), self._replay.steps
        letters = [letter for letter in left_out.values() if letter is not None]
        done = {(*self._point.key, stream_id) for stream_id in purged}
        batch = Batch([self._moved], [], letters, purged=[*done], is_trial=is_trial)
        if steps:
            await state.load(self._tables, Wanted(steps))
            folded = fold_again(state, self._replay, left_out.keys())
            batch = batch._replace(
                writes=state.take(),
                asides=[*folded.letters, *letters],
                taken=folded.taken,
                purged=[*done.union(folded.purged)] if folded.purged else [],
            )
        is_stored = await self._tables.apply(batch)
        if is_stored:
            for letter in letters:
                warn(letter)
        return is_stored

    def _state(self) -> ProjectionState:
        return ProjectionState(self._projection, self._point)
