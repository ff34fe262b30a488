"""Legal holds: while one is placed on a conversation, nothing of it is erased."""

import contextlib

from eventlog.errors import ArchivedError, ConflictError, HeldError, NoSuchHoldError
from eventlog.format.events import Context, NewEvent
from eventlog.format.facts import ConversationArchived, HoldLifted, HoldPlaced
from eventlog.format.names import check_name
from eventlog.format.records import Appended
from eventlog.log import EventLog
from eventlog.retrying import Tries, others_were_first


async def place_hold(
    log: EventLog,
    session_id: str,
    hold: str,
    *,
    reason: str | None = None,
    context: Context | None = None,
) -> Appended:
    """Keep a conversation with its branches from being erased until `hold` is lifted.

    `hold` is a code, such as a case number, under which it is lifted; it can never be erased.
    """
    placed = HoldPlaced(check_name("hold", hold), reason)
    return await _append(log, session_id, NewEvent(placed, context or Context()))


async def lift_hold(
    log: EventLog,
    session_id: str,
    hold: str,
    *,
    reason: str | None = None,
    context: Context | None = None,
) -> Appended:
    """Take a hold back; others stay. Raises NoSuchHoldError if it is not placed."""
    if check_name("hold", hold) not in await held_by(log, session_id):
        raise NoSuchHoldError(f"No hold {hold!r} is placed on conversation {session_id!r}.")
    lifted = HoldLifted(hold, reason)
    return await _append(log, session_id, NewEvent(lifted, context or Context()))


async def _append(log: EventLog, session_id: str, fact: NewEvent) -> Appended:
    """Append a fact; a conversation that is archived stays so, by the same event behind it."""
    async for _ in Tries():
        with contextlib.suppress(ArchivedError):
            return await log.append(session_id, fact)
        head = await log.version(session_id)
        for last in await log.read(session_id, after=head - 1, until=head).all():
            if isinstance(last.event, ConversationArchived):
                again = NewEvent(last.event, Context(actor=last.context.actor))
                with contextlib.suppress(ConflictError):
                    return await log.append(session_id, [fact, again], expected_version=head)
    raise others_were_first(session_id, "Nothing was placed or lifted. Try again.")


async def held_by(log: EventLog, session_id: str) -> list[str]:
    """Return the holds on a conversation, in the order they were placed."""
    placed = await log.read(session_id, kind=HoldPlaced.kind).all()
    lifted = await log.read(session_id, kind=HoldLifted.kind).all()
    holds: dict[str, None] = {}
    for event in sorted([*placed, *lifted], key=lambda event: event.version):
        hold = event.header.hold or ""
        if event.kind == HoldPlaced.kind:
            holds.setdefault(hold)
        else:
            holds.pop(hold, None)
    return list(holds)


async def refuse_held(log: EventLog, session_id: str, held: str) -> None:
    """Raise HeldError if what should be erased of one conversation is held by another, or it."""
    if await held_by(log, held):
        raise HeldError(session_id, held)
