"""Mending the feed: what was given a position without a claim to it makes room for a record."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from eventlog.addresses.log import PostgresAddress
from eventlog.format.facts import RowPreserved
from eventlog.log import EventLog
from eventlog.store.contract.misplaced import Misplacement

__all__ = ["Misplacement", "repair_feed"]

PATIENCE: Final = 10.0
_AT_ONCE: Final = 500
"""Maximum number of events of one append."""


async def repair_feed(
    log: EventLog, *, agree: Callable[[Sequence[Misplacement]], None] | None = None
) -> tuple[list[Misplacement], str | None]:
    """Mend the feed of all tenants on PostgreSQL; return what was found, and where it is recorded.

    Nothing but rows of the feed that no event has a claim to is touched: positions of events that
    were never there, and second positions of an event. Each makes room for an event that says what
    was there, in a new conversation of this log's tenant, `feed-repair-` and the time; so no
    position moves. What a signed head covers stays, and is recorded. The table `misplaced` keeps
    all of it. With nothing to mend nothing happens; where events are missing that were there once,
    neither: that is for `verify` to name.

    `agree` is told first, and raises to leave everything as it is. Takes the owner of the tables.
    All or nothing. On SQLite a position is the event's own: there is never anything. Views that had
    counted an event twice are to be made anew. Raises StoreError.
    """
    address = log.spi.address
    await log.position()  # What waits is sifted.
    if not isinstance(address, PostgresAddress):
        return [], None
    from eventlog.store.postgres.repair import repairing  # The driver is an extra.

    if agree is not None:
        async with repairing(address, PATIENCE) as looking:
            if found := await looking.find():
                agree(found)
    async with repairing(address, PATIENCE) as repair:
        await repair.keep_still()
        found = await repair.find()
        name = await _record(log, [each for each in found if each.is_replaced])
        if found:
            await repair.replace(found, b"" if name is None else log.spi.stream_id(name))
    if found:
        await log.tree.extend()
    return found, name


async def _record(log: EventLog, places: Sequence[Misplacement]) -> str | None:
    """Append an event for each place, in their order, to a conversation that is new."""
    if not places:
        return None
    now = datetime.fromtimestamp(log.spi.now / 1_000_000, UTC)
    name = f"feed-repair-{now:%Y%m%dT%H%M%S.%fZ}"
    records = [_preserved(each) for each in places]
    for start in range(0, len(records), _AT_ONCE):
        some = records[start : start + _AT_ONCE]
        await log.append(name, some, expected_version=start)
    return name


def _preserved(place: Misplacement) -> RowPreserved:
    row = {
        "position": place.position,
        "stream_id": place.stream_id.hex(),
        "version": place.version,
    }
    return RowPreserved.of(msgspec.json.encode(row), f"feed: {place}")
