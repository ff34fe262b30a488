"""What `make bench` measures is what it says, and pages show what it measured."""

import contextlib
import re
from pathlib import Path

import asyncpg
import pytest

from benchmarks import fleet
from benchmarks.kit import documents
from benchmarks.kit.format_floor import STREAM, rows_in_file, rows_in_schema
from eventlog import EventLog, PostgresOptions
from eventlog_projections import Conversation
from tests.docs import pages

ITEMS = [{"role": "user", "content": "hi"}]


async def assert_sound(log: EventLog) -> None:
    async with log:
        assert await Conversation(log, STREAM).items() == ITEMS * 3
        assert (await log.verify()).ok


async def test_the_floor_of_the_format_is_a_log_on_sqlite(tmp_path: Path) -> None:
    """It verifies, and reads like any other."""
    path = tmp_path / "floor.db"
    async with contextlib.AsyncExitStack() as stack:
        rows = await rows_in_file(stack, str(path))
        for _ in range(3):
            await rows.append(ITEMS)
    await assert_sound(EventLog(path))


async def test_the_floor_of_the_format_is_a_log_on_postgresql(postgres_url: str) -> None:
    """It verifies, and reads like any other."""
    schema = "floor_of_the_format"
    async with contextlib.AsyncExitStack() as stack:
        connection = await asyncpg.connect(postgres_url)
        stack.push_async_callback(connection.close)
        stack.push_async_callback(connection.execute, f"DROP SCHEMA {schema} CASCADE")
        rows = await rows_in_schema(connection, postgres_url, schema)
        for _ in range(3):
            await rows.append(ITEMS)
        await assert_sound(EventLog(postgres_url, postgres=PostgresOptions(schema=schema)))


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_every_figure_of_a_page_is_one_that_was_measured(name: str) -> None:
    """Figure, spread, bar and verdict, in every row of every table of figures."""
    page, figures = pages.text(name), documents.measured()
    assert documents.rewritten(page, figures) == page
    tables = re.findall(r"^\| what \| figure .*\n.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(documents.shown(page, figures)) == len(rows)


def test_no_figure_is_left_out() -> None:
    """The page has every one, and says how many bars are met, and how quiet the machine was."""
    results, page = documents.measured(), pages.text("docs/performance.md")
    all_of_them = {(each.what, each.cells[1]) for each in results.figures}
    assert all_of_them - set(documents.shown(page, results)) == set()
    assert documents.of_the_run(results) in page


def test_the_readme_has_six_figures_beside_the_sessions_of_the_sdk() -> None:
    """A user decides by these."""
    shown = documents.shown(pages.text("README.md"), documents.measured())
    assert len(shown) == 6
    assert {beside for _, beside in shown} == {"x SQLiteSession", "x SQLAlchemySession"}


def test_the_simulated_fleet_is_that_of_the_page() -> None:
    """Whoever runs the command gets the table."""
    found = fleet.table(fleet.WRITERS, fleet.THINK, fleet.SECONDS, fleet.NODES, seed=1)
    assert found in pages.text("docs/scaling.md")
