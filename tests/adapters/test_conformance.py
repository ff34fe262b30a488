"""The conformance suite: ours keeps every promise, and no fault goes unnoticed."""

import asyncio
import base64
import contextlib
import gc
import logging
import os
import re
import unittest
import uuid
import warnings
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, cast

import pytest
from agents import Session, SQLiteSession
from agents.extensions.memory import (
    AdvancedSQLiteSession,
    AsyncSQLiteSession,
    EncryptedSession,
    RedisSession,
    SQLAlchemySession,
)
from sqlalchemy.ext.asyncio import create_async_engine

import eventlog_session_conformance
from eventlog import EventLog, ItemsAdded
from eventlog_openai_agents import EventLogSession
from eventlog_session_conformance import (
    BrokenPromiseError,
    Case,
    MakeSession,
    Options,
    Outcome,
    Report,
    cases,
    run_session_conformance,
)
from eventlog_session_conformance.stacking import Compactor, compacting
from tests.adapters.broken_sessions import FAULTS, AddsAField, StripsIds, TearsBatches
from tests.adapters.right_session import RightSession, Store
from tests.backends import Backend

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "conformance.md"
CELLS: Final = {"passed": "✓", "failed": "fails", "skipped": "-"}

SDK: Final = Options(closes=True)
PLAIN: Final = Options(settings_from_dict=True, closes=True, survives_a_wrong_key=False)


async def everything_ever_added(session: Session) -> list[Any]:
    assert isinstance(session, EventLogSession)
    events = session.log.read(session.session_id)
    return [
        item
        async for event in events
        if event.kind == "added"
        for item in cast(ItemsAdded, event.event).items
    ]


OURS: Final = Options(settings_from_dict=True, closes=True, recover=everything_ever_added)


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_our_session_keeps_every_promise(log: EventLog, case: Case) -> None:
    """On every backend, one test for each case, as anybody would write it."""
    await case.run(lambda session_id: EventLogSession(session_id, log=log), OURS)


async def test_our_session_keeps_every_promise_with_hints(
    database: Backend, redis_url: str
) -> None:
    """With a Redis beside the database nothing is different, and nothing is skipped."""
    async with database.open(tenant=uuid.uuid4().hex, redis=redis_url) as log:
        report = await run_session_conformance(
            lambda session_id: EventLogSession(session_id, log=log), options=OURS
        )
    report.raise_for_failures()
    assert len(report.passed) == len(cases())
    assert {column["EventLogSession"] for column in documented().values()} == {"✓"}


def right(store: Store, kind: type[RightSession] = RightSession) -> MakeSession:
    return lambda session_id: kind(session_id, store)


async def test_a_right_session_passes() -> None:
    """A dozen lines on a dict are enough: the suite asks for nothing that is ours."""
    report = await run_session_conformance(right({}), options=PLAIN)
    report.raise_for_failures()
    assert len(report.skipped) == 3


async def test_a_session_may_be_made_by_a_coroutine() -> None:
    """Some have to connect first."""

    async def make(session_id: str) -> Session:
        await asyncio.sleep(0)
        return RightSession(session_id, {})

    report = await run_session_conformance(make, only=cases()[:3])
    assert len(report.passed) == 3


@pytest.mark.parametrize("kind", FAULTS)
async def test_each_fault_is_found_by_the_case_made_for_it(kind: type[RightSession]) -> None:
    """And the report names that case."""
    only = [case for case in cases() if case.name == FAULTS[kind]]
    report = await run_session_conformance(
        right({}, kind),
        options=Options(closes=True, settings_from_dict=True, patience=2),
        only=only,
    )
    assert [outcome.case.name for outcome in report.failures] == [FAULTS[kind]]
    with pytest.raises(AssertionError, match=FAULTS[kind]):
        report.raise_for_failures()


@pytest.mark.parametrize("kind", [AddsAField, TearsBatches])
async def test_a_fault_stops_no_other_case(kind: type[RightSession]) -> None:
    """Every case has an outcome, whatever the others found."""
    report = await run_session_conformance(right({}, kind), options=PLAIN)
    assert [outcome.case for outcome in report.outcomes] == list(cases())
    assert FAULTS[kind] in [outcome.case.name for outcome in report.failures]


async def test_a_case_that_hangs_has_failed() -> None:
    """Patience ends, and with a sentence that says so."""

    class Hangs(RightSession):
        async def get_items(self, limit: int | None = None) -> list[Any]:
            await asyncio.Event().wait()
            return []

    (case,) = [case for case in cases() if case.name == "items_keep_their_order"]
    with pytest.raises(BrokenPromiseError, match=r"an end within 0.05 s"):
        await case.run(right({}, Hangs), Options(patience=0.05))


async def test_a_case_ruled_out_is_skipped_with_its_reason() -> None:
    """unittest.SkipTest, which pytest shows as a skip."""
    for case in cases():
        if "several_loops" in case.needs:
            with pytest.raises(unittest.SkipTest, match=r"Options\.several_loops"):
                await case.run(right({}), Options(several_loops=False))


@pytest.mark.parametrize(
    ("policy", "result"), [("all", "passed"), ("nothing", "failed"), ("any", "skipped")]
)
async def test_what_a_negative_limit_means_is_an_option(policy: Any, result: str) -> None:
    """The SDK's own sessions do not agree."""
    only = [case for case in cases() if case.name.startswith("a_negative_limit")]
    options = Options(negative_limit=policy)
    (outcome,) = (await run_session_conformance(right({}), options=options, only=only)).outcomes
    assert outcome.result == result


async def test_a_report_says_what_was_promised_expected_and_found() -> None:
    """A person can act on it without reading the suite."""
    only = [case for case in cases() if case.name == "ids_are_kept"]
    report = await run_session_conformance(right({}, StripsIds), only=only)
    with pytest.raises(AssertionError) as caught:
        report.raise_for_failures()
    assert "1 of 1 promises are broken" in str(caught.value)
    assert "The id of an item is part of it" in str(caught.value)
    assert re.search(r"expected .*msg_1.*came .*", str(caught.value))
    assert str(report).startswith("failed  ids_are_kept")
    assert str(report).endswith("0 passed, 1 failed, 0 skipped")


def test_every_case_says_what_it_promises() -> None:
    """A name of its own, a promise in a line, and where the SDK relies on it."""
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names)
    assert all(case.promise and "\n" not in case.promise and case.reference for case in cases())
    issues = {name.split("_")[1] for name in names if name.startswith("issue_")}
    assert issues == {"3089", "3116", "3852", "4615", "4988", "5005", "5010"}


def test_the_names_of_the_suite() -> None:
    """What others may rely on."""
    assert eventlog_session_conformance.__all__ == [
        "BrokenPromiseError",
        "Case",
        "MakeSession",
        "Options",
        "Outcome",
        "Report",
        "cases",
        "run_session_conformance",
    ]
    assert not Report([]).failures
    assert Outcome(cases()[0], "passed").detail == ""


@contextlib.asynccontextmanager
async def sqlite(folder: Path, redis_url: str) -> AsyncGenerator[MakeSession]:
    yield lambda session_id: SQLiteSession(session_id, folder / "sdk.db")


@contextlib.asynccontextmanager
async def async_sqlite(folder: Path, redis_url: str) -> AsyncGenerator[MakeSession]:
    yield lambda session_id: AsyncSQLiteSession(session_id, folder / "sdk.db")


@contextlib.asynccontextmanager
async def advanced_sqlite(folder: Path, redis_url: str) -> AsyncGenerator[MakeSession]:
    path = folder / "sdk.db"
    yield lambda session_id: AdvancedSQLiteSession(
        session_id=session_id, db_path=path, create_tables=True
    )


@contextlib.asynccontextmanager
async def sqlalchemy(folder: Path, redis_url: str) -> AsyncGenerator[MakeSession]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'sdk.db'}")
    yield lambda session_id: SQLAlchemySession(session_id, engine=engine, create_tables=True)
    await engine.dispose()


@contextlib.asynccontextmanager
async def redis(folder: Path, redis_url: str) -> AsyncGenerator[MakeSession]:
    prefix = f"conformance-{uuid.uuid4().hex}"
    yield lambda session_id: RedisSession.from_url(session_id, url=redis_url, key_prefix=prefix)


@contextlib.asynccontextmanager
async def encrypted(folder: Path, redis_url: str) -> AsyncGenerator[MakeSession]:
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    yield lambda session_id: EncryptedSession(
        session_id, SQLiteSession(session_id, folder / "sdk.db"), key, ttl=3600
    )


@contextlib.asynccontextmanager
async def compaction(folder: Path, redis_url: str) -> AsyncGenerator[MakeSession]:
    yield lambda session_id: compacting(
        SQLiteSession(session_id, folder / "sdk.db"),
        Compactor(),
        should_trigger_compaction=lambda _: False,
    )


THEIRS: Final[dict[str, tuple[Callable[[Path, str], Any], Options]]] = {
    "SQLiteSession": (sqlite, SDK),
    "AsyncSQLiteSession": (async_sqlite, SDK),
    "AdvancedSQLiteSession": (advanced_sqlite, SDK),
    "SQLAlchemySession": (sqlalchemy, Options()),
    "RedisSession": (redis, SDK),
    "EncryptedSession": (encrypted, SDK),
    "OpenAIResponsesCompactionSession": (compaction, Options()),
}


def documented() -> dict[str, dict[str, str]]:
    """Read the document's table: what became of each case, by session."""
    table = DOCUMENT.read_text().partition("| promise |")
    lines = [line for line in "".join(table[1:]).splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}


@pytest.fixture
def unheard() -> Iterator[None]:
    """Nothing is logged: the record of an error would keep its connections beyond the test."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


# The thread of an AsyncSQLiteSession's connection answers to a loop that may be gone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("name", THEIRS)
def test_the_documents_table_is_what_a_run_finds(
    name: str, tmp_path: Path, redis_url: str, unheard: None
) -> None:
    """Every failure of the SDK's sessions is in it, and nothing that does not fail."""
    opened, options = THEIRS[name]

    async def run() -> Report:
        async with opened(tmp_path, redis_url) as make:
            return await run_session_conformance(make, options=options)

    with warnings.catch_warnings():
        # Where a session is used in loops that it does not support, its connections stay behind.
        warnings.simplefilter("ignore")
        report = asyncio.run(run())
        gc.collect()
    table = documented()
    found = {outcome.case.name: CELLS[outcome.result] for outcome in report.outcomes}
    assert {case for case, cell in found.items() if cell == "fails"} <= {*table}, str(report)
    assert {case: found[case] for case in table} == {
        case: cells[name] for case, cells in table.items()
    }, str(report)


def test_every_row_of_the_documents_table_is_a_failure_of_some_session() -> None:
    """A promise that all keep is not in it."""
    for case, cells in documented().items():
        assert "fails" in cells.values(), case
        assert [*cells] == ["EventLogSession", *THEIRS]


async def test_the_documents_example_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands, but for the path."""
    (code,) = re.findall(
        r"<!-- a test runs this -->\n```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL
    )
    example: dict[str, Any] = {}
    exec(code, example)
    example["PATH"] = tmp_path / "conversations.db"
    await example["test_session"](cases()[0])
    example["cases"]()
    await example["report"]()
    assert "passed, 1 failed, " in capsys.readouterr().out


def test_the_document_counts_the_cases() -> None:
    """All in all, and by their modules."""
    text = DOCUMENT.read_text()
    assert f"a suite of {len(cases())} cases" in text
    counts = Counter(case.check.__module__.rpartition(".")[2] for case in cases())
    rows = re.findall(r"^\| (\d+) (\w+) \|", text, re.MULTILINE)
    assert {module: int(count) for count, module in rows} == counts
