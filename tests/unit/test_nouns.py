"""Nouns of the store without a database: what they ask, and what they make of the answers."""

import inspect
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import pytest

from eventlog.format.chain import GENESIS
from eventlog.format.records import Head, StoredEvent
from eventlog.store.contract.erasures import Erasure
from eventlog.store.contract.keys import KeyRow, Linked
from eventlog.store.contract.tree import TOLD
from eventlog.store.nouns.erasures import Erasures
from eventlog.store.nouns.events import Events
from eventlog.store.nouns.keys import Keys
from eventlog.store.nouns.streams import Streams
from eventlog.store.nouns.tree import SLICE, Searches, Tree, ranges
from eventlog.store.nouns.work import Ask, Each, Evict, Noun, Runner, Step, Work
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.sql.statement import Statement, plain
from eventlog.store.sqlite.runner import SqliteRunner
from eventlog.store.sqlite.statements import ERASURES, KEYS, LOG, SNAPSHOTS, TREE

_T = TypeVar("_T")
STREAM: Final = b"s" * 16


class Scripted:
    """A runner that gives prepared rows, and keeps what was asked and how."""

    def __init__(self, *answers: list[Any]) -> None:
        self.answers = list(answers)
        self.steps: list[Step] = []
        self.how = ""

    async def read(self, begin: Callable[[], Work[_T]]) -> _T:
        return self.run("read", begin())

    async def read_at_once(self, begin: Callable[[], Work[_T]]) -> _T:
        return self.run("read_at_once", begin())

    async def examine(self, begin: Callable[[], Work[_T]]) -> _T:
        return self.run("examine", begin())

    async def write(self, begin: Callable[[], Work[_T]]) -> _T:
        return self.run("write", begin())

    async def transact(self, begin: Callable[[], Work[_T]]) -> _T:
        return self.run("transact", begin())

    def run(self, how: str, work: Work[_T]) -> _T:
        self.how = how
        try:
            step = next(work)
            while True:
                self.steps.append(step)
                is_evict = isinstance(step, Evict)
                step = work.send([] if is_evict or not self.answers else self.answers.pop(0))
        except StopIteration as end:
            return cast("_T", end.value)

    @property
    def texts(self) -> list[str]:
        return [step.text for step in self.steps if isinstance(step, Ask)]


@pytest.mark.parametrize("rows", [[], [(None, None, None, 5, None)]])
async def test_a_stream_that_is_not_there_has_no_head(rows: list[Any]) -> None:
    """SQLite has no row of it, PostgreSQL one of NULLs beside its clock."""
    assert await Streams(Scripted(rows), LOG).head(STREAM) is None


async def test_a_head_is_the_first_three_columns() -> None:
    """What else a database adds is of no concern here."""
    found = await Streams(Scripted([(7, b"h", 9, "key")]), LOG).head(STREAM)
    assert found == Head(7, b"h", 9)


async def test_events_of_many_streams_are_one_step() -> None:
    """The runner decides whether that is a statement for each or one with an array."""
    runner = Scripted([])
    assert await Events(runner, LOG).many([b"1", b"2"], 10) == []
    (step,) = runner.steps
    assert isinstance(step, Each)
    assert (list(step.every), step.limit) == ([{"stream_id": b"1"}, {"stream_id": b"2"}], 10)


async def test_keys_of_one_stream_are_asked_by_its_id() -> None:
    """A constant, which tells a sharding planner where to look; several are one step."""
    runner = Scripted([(STREAM, "1", "kek", b"w")])
    assert await Keys(runner, KEYS).of_streams([STREAM]) == [KeyRow(STREAM, "1", "kek", b"w")]
    assert runner.texts == [KEYS.of_stream.text]


async def test_a_key_is_stored_before_a_stream_uses_it() -> None:
    """And appends look at the stream again: its key is another one."""
    runner = Scripted()
    await Keys(runner, KEYS).add("chat", KeyRow(STREAM, "1", "kek", b"w"), Linked(None, None))
    assert runner.how == "write"
    assert runner.steps[0] == Evict(STREAM)
    assert runner.texts == [KEYS.added.text, KEYS.used.text]


def erasure(only: int | None = None) -> Erasure:
    fields = (7, 1, None, "ConversationErased", 1, 0, b"{}", 0, None, b"", b"", b"", b"", b"")
    return Erasure(GENESIS, StoredEvent(STREAM, *fields), Head(7, b"h", 0), only)


async def test_an_erasure_that_finds_another_head_changes_nothing() -> None:
    """It asks for the head, and stops there: False rolls the transaction back."""
    runner = Scripted([])
    erasures = Erasures(runner, ERASURES, SNAPSHOTS, KEYS, LOG)
    assert await erasures.erase(erasure()) is False
    assert (runner.how, runner.texts) == ("transact", [ERASURES.moved.text])


@pytest.mark.parametrize(("only", "goes"), [(None, True), (3, False)])
async def test_keys_go_with_the_whole_content_only(only: int | None, goes: bool) -> None:
    """Of a stream of which one event is erased, the others stay readable."""
    runner = Scripted([(STREAM,)])
    assert await Erasures(runner, ERASURES, SNAPSHOTS, KEYS, LOG).erase(erasure(only)) is True
    assert (KEYS.destroyed.text in runner.texts) is goes
    assert SNAPSHOTS.drop_segments.text in runner.texts


SLICED: Final = Statement("sliced", (("first", None), ("behind", None)))
SEARCHES: Final = Searches([plain("whole")], [SLICED], plain("extent"))


@pytest.mark.parametrize("number", [1, 2, 3, 7, 64, 4099])
def test_every_id_is_in_one_range(number: int) -> None:
    """Also what is no id of ours: somebody who writes to the tables chooses its length."""
    parts = ranges(number)
    assert len(parts) == number
    ids = [b"", b"\0", STREAM, *[bytes([each]) * 16 for each in range(256)], b"\xff" * 99]
    for each in [*ids, *[first for first, _ in parts]]:
        holding = [part for part in parts if part[0] <= each and (each < part[1] or not part[1])]
        assert len(holding) == 1


async def test_no_statement_compares_more_the_more_events_there_are() -> None:
    """A log of a hundred times the size is looked at in a hundred times as many ranges."""
    for parts in (1, 100):
        runner = Scripted([(SLICE * parts - 1,)])
        assert await Tree(runner, TREE, lambda: SEARCHES).violations(None) == []
        asked = [step for step in runner.steps if isinstance(step, Ask)]
        assert [step.text for step in asked] == ["extent", *["sliced"] * parts, "whole"]
        assert [tuple(step.args) for step in asked[1:-1]] == ranges(parts)


async def test_what_ranges_find_is_told_as_if_it_was_one_search() -> None:
    """The tenant's own first, then by position, and no more than one statement would tell."""

    def wrong(name: str | None, position: int) -> tuple[Any, ...]:
        return ("nowhere", STREAM, name, "", 1, position, None)

    low, high = (
        [wrong("chat", position + 2 * each) for each in range(TOLD)] for position in (1, 2)
    )
    runner = Scripted([(2 * SLICE - 1,)], [wrong(None, 0), *high], low)
    found = await Tree(runner, TREE, lambda: SEARCHES).violations("ours")
    assert [each.position for each in found] == list(range(1, TOLD + 1))


@pytest.mark.parametrize("runner", [SqliteRunner, PostgresRunner])
def test_both_runners_run_all_work(runner: type[Runner]) -> None:
    """Whatever a noun may ask for, both have it, and call it the same."""
    for name in ("read", "read_at_once", "examine", "write", "transact"):
        assert list(inspect.signature(getattr(runner, name)).parameters) == ["self", "begin"]


async def test_work_begins_anew_each_time_it_is_run() -> None:
    """A generator is spent after a run; a read whose connection was lost begins another."""

    class Twice(Scripted):
        async def read(self, begin: Callable[[], Work[_T]]) -> _T:
            for work in (begin(), begin()):
                assert next(work) == Ask(LOG.head.text, LOG.head.args({"stream_id": STREAM}))
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await Streams(Twice(), LOG).head(STREAM)


def test_nouns_do_no_input_and_output() -> None:
    """No module of theirs knows a driver, a thread or a loop."""
    modules = {inspect.getmodule(noun) for noun in (Streams, Events, Keys, Erasures, Noun)}
    for module in modules:
        assert not {"sqlite3", "asyncpg", "asyncio", "threading"} & set(vars(module))
