"""What a worker does beside taking events: purges that are due, and what it can open by now."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from eventlog.errors import EventLogError, UnavailableError
from eventlog.retrying import Backoff
from eventlog.views import LogViews, NamedLetter, Purge
from eventlog_projections.views.batches.refolding import Named
from eventlog_projections.views.letters import UNOPENED, WAITING, is_because
from eventlog_projections.views.plan import Key, fillable
from eventlog_projections.views.projection import Projection

MOST: Final = 1000
"""Maximum number of dead letters of a generation that are looked at."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 300.0
"""Seconds between tries of a conversation whose key service is down: ever more, up to these."""

_log: Final = logging.getLogger("eventlog.views")


class RefoldsOne(Protocol):
    """Folds one conversation anew in one generation."""

    async def __call__(
        self, key: Key, of: Named, *, retries: bool, purged: Sequence[bytes]
    ) -> None:
        """Fold it."""
        ...


class Chores:
    """Folds conversations anew that have to be; remembers what it has tried in vain."""

    def __init__(
        self, views: LogViews, projections: Mapping[str, Projection], refold: RefoldsOne
    ) -> None:
        self._views = views
        self._projections = projections
        self._refold = refold
        self._tried: set[tuple[Key, int]] = set()
        self._pauses: dict[tuple[Key, Named], _Pause] = {}

    async def do(self, stop: asyncio.Event) -> None:
        """Do what there is to do. Raises UnavailableError."""
        for purge in await self._views.tables.purges(None):
            if not stop.is_set() and self._is_ours(purge):
                of = Named(purge.tenant, purge.conversation)
                key = (purge.projection, purge.generation)
                await self._try(key, of, purged=[purge.stream_id])
        if self._views.has_keyring:
            await self.open_again(stop)

    async def open_again(self, stop: asyncio.Event) -> bool:
        """Fold events that could not be opened; tell whether some wait for a key service.

        What another process had no key for is tried once; what waits, ever more rarely.
        """
        is_waiting = False
        schemas = {name: each.schema for name, each in self._projections.items()}
        for point in fillable(await self._views.tables.checkpoints(), schemas):
            found = await self._views.tables.asides(*point.key, None, MOST)
            fresh = [each for each in found if self._is_fresh(point.key, each)]
            self._tried |= {(point.key, each.letter.position) for each in fresh}
            waiting = _conversations(each for each in found if is_because(each.letter, WAITING))
            is_waiting = is_waiting or bool(waiting)
            self._forget(point.key, waiting)
            due = [of for of in waiting if self._is_due(point.key, of)]
            for of in dict.fromkeys([*_conversations(fresh), *due]):
                if not stop.is_set():
                    await self._try(point.key, of, purged=[])
        return is_waiting

    def _is_due(self, key: Key, of: Named) -> bool:
        return self._pauses.setdefault((key, of), _Pause()).is_over()

    def _forget(self, key: Key, waiting: Collection[Named]) -> None:
        for known in [each for each in self._pauses if each[0] == key and each[1] not in waiting]:
            del self._pauses[known]

    def _is_fresh(self, key: Key, found: NamedLetter) -> bool:
        is_new = (key, found.letter.position) not in self._tried
        return is_new and is_because(found.letter, *UNOPENED)

    def _is_ours(self, purge: Purge) -> bool:
        projection = self._projections.get(purge.projection)
        return projection is not None and projection.schema == purge.schema

    async def _try(self, key: Key, of: Named, *, purged: Sequence[bytes]) -> None:
        try:
            await self._refold(key, of, retries=False, purged=purged)
        except UnavailableError:
            raise
        except EventLogError as error:
            _log.warning("view %s: %s", key[0], error)


class _Pause:
    """Tells when a conversation is tried again."""

    def __init__(self) -> None:
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._until = 0.0

    def is_over(self) -> bool:
        """Tell whether it is time; if so, the next pause begins."""
        if time.monotonic() < self._until:
            return False
        self._until = time.monotonic() + self._backoff.next()
        return True


def _conversations(letters: Iterable[NamedLetter]) -> list[Named]:
    return list(dict.fromkeys(Named(each.tenant, each.conversation) for each in letters))
