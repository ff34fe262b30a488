"""Legal holds: nothing of a conversation is erased while one is placed."""

from typing import Any

import pytest

from eventlog.errors import HeldError, NoSuchHoldError
from eventlog.operations import held_by, lift_hold, place_hold
from eventlog_projections import erase
from tests.backends import Backend
from tests.contract.disposal.test_erasing import ITEMS, MARKER, WHY
from tests.elsewhere import NAME, filled


async def test_a_legal_hold_blocks_it_until_it_is_lifted(erasable: Backend) -> None:
    """Every hold has to be lifted; both are events, and one on a fork counts as well."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:40])
        child = await chat.fork("child")
        await place_hold(log, NAME, "case-1", reason=MARKER)
        await place_hold(log, NAME, "case-2")
        await place_hold(log, "child", "case-3")
        with pytest.raises(NoSuchHoldError):
            await lift_hold(log, NAME, "case-3")
        for name, hold in ((NAME, "case-1"), (NAME, "case-2"), ("child", "case-3")):
            with pytest.raises(HeldError) as caught:
                await erase(log, NAME, **WHY)
            assert caught.value.held == name
            assert await chat.items() == await child.items() == ITEMS[:40]
            await lift_hold(log, name, hold)
        assert await held_by(log, NAME) == []
        await erase(log, NAME, **WHY)
        assert await chat.items() == await child.items() == []


async def test_a_hold_that_is_placed_meanwhile_is_in_time_or_too_late(
    erasable: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for holds and the erasure there is no gap."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:40])
        store = type(log.spi.store)
        real = store.erase

        async def held_up(self: Any, erasure: Any) -> bool:
            monkeypatch.setattr(store, "erase", real)
            await place_hold(log, NAME, "in time")
            return await real(self, erasure)

        monkeypatch.setattr(store, "erase", held_up)
        with pytest.raises(HeldError):
            await erase(log, NAME, **WHY)
        assert await chat.items() == ITEMS[:40]
