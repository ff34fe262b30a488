"""Changing keys: key-encryption keys without touching an event, data keys for events to come."""

from collections.abc import Callable
from typing import Final

from eventlog.format.names import MAIN
from eventlog.keys.current import renew
from eventlog.keys.rotation import rewrap_page
from eventlog.log import EventLog

BATCH: Final = 200
"""How many wrapped keys one round trip brings."""


async def rotate(log: EventLog, *, progress: Callable[[int], None] | None = None) -> int:
    """Wrap every data key anew that the keyring's current key did not wrap; return how many.

    Of all tenants. Events are not touched. It can be ended at any moment and called again: what was
    done stays done; so can several processes at once. Afterwards nothing needs the old keys but
    backups. Open every log with the new keyring, which still has them, first. `progress` is told
    how many are done.

    Raises NoKeyError or WrongKeyError, naming the stream, for a key that the keyring does not open.
    """
    done = 0
    after = (b"", "")
    while rows := await rewrap_page(log.spi.keys, after, BATCH):
        done += len(rows)
        if progress is not None:
            progress(done)
        after = rows[-1].stream_id, rows[-1].key_id
    return done


async def rekey(log: EventLog, session_id: str, *, branch: str = MAIN) -> None:
    """Have the events to come of a conversation, or of a branch, use a new data key.

    What is there stays under its own. Writers who are under way with the old one take the new one.
    Raises NoKeyError.
    """
    await renew(log.spi.keys, session_id, log.spi.stream_id(session_id, branch=branch))
