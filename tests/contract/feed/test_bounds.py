"""How much of the feed whoever reads the events of all tenants asks for at once."""

import pytest

from eventlog import EventLog
from eventlog.operations import soundness
from eventlog.operations.soundness import HeadSigner
from eventlog.store.contract.feed import FeedRow
from eventlog_projections.views import Views
from tests.conftest import Clock
from tests.contract.disposal.test_pruning import said
from tests.contract.proof.test_evidence import SIGNER
from tests.contract.views.asked import small_batches


async def test_nobody_asks_for_more_positions_than_a_page_holds(
    log: EventLog, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page may cost what its bounds hold: with those at the end, all of the log for each."""
    small_batches(monkeypatch, 7)
    monkeypatch.setattr(soundness, "PAGE", 7)
    feed, asked = log.spi.store.feed, list[tuple[int, int]]()
    read = feed.every_page

    async def every_page(after: int, until: int, limit: int) -> list[FeedRow]:
        asked.append((until - after, limit))
        return await read(after, until, limit)

    monkeypatch.setattr(feed, "every_page", every_page)
    heads = HeadSigner(log, SIGNER)
    await heads.sign()
    await said(log, clock, *"abcdefghij" * 3)
    assert (await heads.sign()).size == 30
    assert len(asked) == 5
    await Views(log).catch_up("conversations")
    assert len(asked) == 10
    assert all(positions <= limit == 7 for positions, limit in asked)
