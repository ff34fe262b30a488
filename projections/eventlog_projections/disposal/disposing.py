"""Erasing many conversations, one after the other, and saying what became of each."""

import enum
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from eventlog import ConflictError, EventLog, Signer
from eventlog.errors import CorruptEventError, HeldError, PublishingError, UnsoundError
from eventlog.format.records import SignedHead, StreamRow
from eventlog.operations import held_by
from eventlog.operations.erasure import sharing
from eventlog.operations.soundness import refuse_unsound
from eventlog_projections.disposal.activity import Activity
from eventlog_projections.disposal.archives import Archive, archive_streams
from eventlog_projections.disposal.erasing import Erased, erase
from eventlog_projections.disposal.keeping import ReceiptKeeper


class Disposition(enum.StrEnum):
    """What became of a conversation."""

    CHOSEN = "chosen"
    """It would be erased: this is a dry run."""
    ERASED = "erased"
    HELD = "held"
    """Left: it, or a fork that would go with it, is under a legal hold."""
    SHARED = "shared"
    """Left: a fork that was not chosen began with content of it."""
    MOVED = "moved"
    """Left: somebody wrote to it, or forked it, meanwhile."""
    UNSOUND = "unsound"
    """Left: it, or a fork that would go with it, is not as it was written."""
    UNKEPT = "unkept"
    """Left: its archive or its receipt could not be kept."""


class Disposed(NamedTuple):
    """A conversation, and what became of it."""

    session_id: str
    disposition: Disposition
    last_at: int
    """When something was last appended to it, microseconds UTC."""
    because_of: tuple[str, ...] = ()
    """The conversations that are held, that share its content, or that are not sound."""
    erased: Erased | None = None
    why: str | None = None
    """What is wrong, where it is unsound or unkept."""


Progress = Callable[[Disposed], None]
"""Told what became of each conversation, as soon as it is known."""


UNTOUCHED: Final = "Nothing of it was erased"


async def left_if_failed(found: Disposed, dispose: Callable[[], Awaitable[Disposed]]) -> Disposed:
    """Return what became of one; it stops no other that it is unsound, or cannot be kept."""
    try:
        return await dispose()
    except UnsoundError as error:
        because_of = (error.stream or found.session_id,)
        return found._replace(
            disposition=Disposition.UNSOUND, because_of=because_of, why=str(error)
        )
    except CorruptEventError as error:
        because_of = (error.stream,)
        return found._replace(
            disposition=Disposition.UNSOUND, because_of=because_of, why=str(error)
        )
    except PublishingError as error:
        return found._replace(disposition=Disposition.UNKEPT, why=str(error))


class Disposal:
    """Erases conversations of `chosen` and no others, each as it was when it was chosen.

    `archive` is given evidence of each before; its head has to cover all of them.
    """

    def __init__(
        self,
        log: EventLog,
        chosen: Sequence[Activity],
        by: str,
        reason: str,
        signer: Signer | None = None,
        receipts: ReceiptKeeper | None = None,
        archive: tuple[Archive, SignedHead] | None = None,
    ) -> None:
        self._log = log
        self._names = frozenset(activity.session_id for activity in chosen)
        self._seen = {stream: at for one in chosen for stream, at in one.versions.items()}
        self._why: Mapping[str, Any] = {
            "by": by,
            "reason": reason,
            "signer": signer,
            "receipts": receipts,
        }
        self._archive = archive
        self._gone: dict[bytes, Erased] = {}

    async def dispose(self, activity: Activity, *, dry_run: bool = False) -> Disposed:
        """Erase one, with the forks that share its content; nothing in a dry run."""
        found = Disposed(activity.session_id, Disposition.CHOSEN, activity.last_at)
        return await left_if_failed(found, lambda: self._dispose(found, dry_run=dry_run))

    async def _dispose(self, found: Disposed, *, dry_run: bool) -> Disposed:
        family = await sharing(self._log, found.session_id)
        left = [row for row in family if row.stream_id not in self._gone]
        if not left:  # It went with another one that it is a fork of.
            gone = self._gone[family[0].stream_id]
            return found._replace(disposition=Disposition.ERASED, erased=gone)
        kept = await self._why_kept(found, family, left)
        if kept is not None or dry_run:
            return kept or found
        return await self._erase(found, family[0], left)

    async def _why_kept(
        self, found: Disposed, family: Sequence[StreamRow], left: Sequence[StreamRow]
    ) -> Disposed | None:
        names = sorted({row.name for row in family})
        if strangers := tuple(name for name in names if name not in self._names):
            return found._replace(disposition=Disposition.SHARED, because_of=strangers)
        if held := tuple([name for name in names if await held_by(self._log, name)]):
            return found._replace(disposition=Disposition.HELD, because_of=held)
        if any(self._seen.get(row.stream_id) != row.head.version for row in left):
            return found._replace(disposition=Disposition.MOVED)
        await refuse_unsound(self._log, sorted({row.name for row in left}), UNTOUCHED)
        return None

    async def _erase(self, found: Disposed, main: StreamRow, left: Sequence[StreamRow]) -> Disposed:
        if self._archive is not None:
            await archive_streams(self._log, *self._archive, main, left)
        try:
            erased = await erase(
                self._log, main.name, **self._why, even_unsound=True, seen=self._seen
            )  # It was found to be sound just now.
        except ConflictError:
            return found._replace(disposition=Disposition.MOVED)
        except HeldError as error:
            return found._replace(disposition=Disposition.HELD, because_of=(error.held,))
        self._gone |= dict.fromkeys([stream.stream_id for stream in erased.streams], erased)
        return found._replace(disposition=Disposition.ERASED, erased=erased, why=erased.unkept)
