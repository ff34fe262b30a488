"""Retention: rules that erase conversations by the age of their last append."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from eventlog import EventLog, Signer, StoreError
from eventlog.errors import PublishingError, UnsoundError
from eventlog.format.envelope import from_microseconds
from eventlog_projections.disposal.archives import Archive
from eventlog_projections.disposal.disposing import Disposed, Progress
from eventlog_projections.disposal.keeping import ReceiptKeeper
from eventlog_projections.disposal.pruning import prune

EVERY: Final = timedelta(hours=1)

_log: Final = logging.getLogger("eventlog.retention")


class RetentionRule(NamedTuple):
    """Conversations that were not used for `age` are erased, but for the latest `keep`.

    Those of one `owner`, those with one `tag`, or all of the tenant. `name` is the reason that each
    erasure gives; it stays readable for ever.
    """

    name: str
    age: timedelta
    owner: str | None = None
    tag: str | None = None
    keep: int = 0


async def apply_retention(
    log: EventLog,
    rules: Sequence[RetentionRule],
    *,
    by: str = "retention",
    signer: Signer | None = None,
    receipts: ReceiptKeeper | None = None,
    archive: Archive | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> dict[str, list[Disposed]]:
    """Erase what every rule says, one rule after the other; return what became of it, by rule.

    Ages are counted from the log's clock. The rules are independent: what one of them erases is
    erased, whatever the others keep. A legal hold wins over all. See `prune`, also for what it
    raises.
    """
    done: dict[str, list[Disposed]] = {}
    for rule in rules:
        done[rule.name] = await prune(
            log,
            from_microseconds(log.spi.now) - rule.age,
            by=by,
            reason=rule.name,
            owner=rule.owner,
            tag=rule.tag,
            keep=rule.keep,
            signer=signer,
            receipts=receipts,
            archive=archive,
            dry_run=dry_run,
            progress=progress,
        )
    return done


async def follow_retention(
    log: EventLog,
    rules: Sequence[RetentionRule],
    stop: asyncio.Event,
    *,
    every: timedelta = EVERY,
    by: str = "retention",
    signer: Signer | None = None,
    receipts: ReceiptKeeper | None = None,
    archive: Archive | None = None,
) -> None:
    """Apply the rules at once and then every so often, until `stop` is set.

    What fails because of the database, the archive or receipts, and what is not as it was written,
    is logged and tried again the next time. Several at once are safe.
    """
    how: dict[str, Any] = {"by": by, "signer": signer, "receipts": receipts, "archive": archive}
    while not stop.is_set():
        try:
            done = await apply_retention(log, rules, **how)
            for why in [each.why for of_rule in done.values() for each in of_rule if each.why]:
                _log.warning("a rule of retention left something: %s", why)
        except (StoreError, PublishingError, UnsoundError) as error:
            _log.warning("rules of retention could not be applied: %s", error)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(every.total_seconds()):
                await stop.wait()
