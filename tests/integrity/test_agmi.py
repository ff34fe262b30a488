"""agmi-check 0.6 knows no edit that our session accepts; it runs offline, on every database."""

import contextlib

import pytest
from agmi import check

from tests.integrity import adapter

EDITS = 9


@pytest.mark.parametrize("database", ["Sqlite", "Postgres"])
def test_every_edit_behind_the_back_of_a_session_is_reported(database: str) -> None:
    """With a head that was kept elsewhere; none could not be tried. Without, all but a rollback."""
    ours = check.load_adapter(f"{adapter.__name__}:{database}Session")
    assert isinstance(ours, adapter.OurSession)
    with contextlib.closing(ours):
        rows = check.run(ours)
    assert [row["verdict"] for row in rows] == ["REPORTED"] * EDITS, rows
    before, reloaded, after = (ours.without_head[at::3] for at in range(3))
    assert all(before)
    assert all(reloaded)
    accepted = [row["attack"] for row, ok in zip(rows, after, strict=True) if ok]
    assert accepted == ["snapshot_rollback"]
