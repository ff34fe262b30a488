"""When an event says that a conversation was used: where it was imported, when its source says."""

from eventlog import EventLogError, RecordedEvent

_NAMED = b'"source_time"'


def use_time(event: RecordedEvent) -> int:
    """Return when what an event holds happened, microseconds UTC.

    That is when it was recorded; of an item that was imported, when the store that it comes from
    says that it was stored, so that a history of years ago is not of today. Where this log cannot
    open what is encrypted, it is when it was recorded.
    """
    stored = event.stored
    if event.is_erased or (stored.key_id is None and _NAMED not in (stored.context or b"")):
        return stored.recorded_at
    try:
        times = event.context.source_time
    except EventLogError:
        return stored.recorded_at
    known = [at for at in times or () if at is not None]
    return min(max(known), stored.recorded_at) if known else stored.recorded_at
