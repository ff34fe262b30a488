"""Opening the contents of events that verify, as a reader does. Pure."""

from collections.abc import Sequence

from eventlog.errors import (
    ContentTooLargeError,
    CorruptEventError,
    EncryptedError,
    KeyDestroyedError,
    WrongKeyError,
)
from eventlog.format.envelope import RecordedEvent
from eventlog.format.opening import Opener
from eventlog.format.records import StoredEvent, StreamRow
from eventlog.verify.diagnosis import Finding
from eventlog.verify.keys import Difference


def first_closed(
    stream: StreamRow, events: Sequence[StoredEvent], opener: Opener
) -> Difference | None:
    """Return the first of these events whose content does not open and decode; None if all do."""
    for stored in events:
        if stored.body is not None:
            event = RecordedEvent(stream.name, stored, None, stream.branch, opener)
            finding = _try(event)
            if finding is not None:
                return event.version, finding
    return None


def _try(event: RecordedEvent) -> Finding | None:
    which = f"its data key {event.stored.key_id!r}"
    try:
        _ = event.event, event.context
    except WrongKeyError as error:
        return Finding("edited", f"{which} does not open under {error.kek_id!r}")
    except EncryptedError as error:
        return Finding("unknown", f"{which} could not be opened: {error}")
    except KeyDestroyedError:
        return Finding("missing", f"{which} was destroyed, and no event says so")
    except ContentTooLargeError as error:
        return Finding("unknown", f"{error.what}: open the log with a higher bound to check it")
    except CorruptEventError as error:
        return Finding("edited", error.what)
    return None
