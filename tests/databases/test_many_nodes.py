"""What a distributed log reads, on one server: the same as a log that is not distributed.

Its statements are other ones, and nothing in them is Citus'.
"""

import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog, ItemsAdded, paging
from eventlog.addresses.log import PostgresAddress
from eventlog.errors import InvalidOptionError, ReadOnlyError
from eventlog.events import UsageRecorded
from eventlog.format.chain import stream_id
from eventlog.operations import Misplacement, create_roles
from eventlog.store.contract.tree import ViolationKind
from eventlog.store.nouns import tree as tree_noun
from eventlog.store.nouns import work
from eventlog.store.nouns.tree import Searches, Tree
from eventlog.store.nouns.work import Runner, Work
from eventlog.store.postgres import runner
from eventlog.store.postgres.catalog import (
    CONSTRAINTS,
    FUNCTIONS,
    INDEXES,
    TRIGGERS,
    Lost,
    Object,
    lost_on_nodes,
    renewing,
)
from eventlog.store.postgres.distributed import functions
from eventlog.store.postgres.repair import repairing
from eventlog.store.postgres.statements import of
from eventlog_projections import Conversation
from eventlog_projections.views import Views
from eventlog_projections.views.turns import TurnCount, TurnRow, UsageRow
from tests.backends import PostgresBackend
from tests.faults.proxy import Proxy
from tests.options import grouped
from tests.waiting import PATIENCE

LARGE = random.Random(7).randbytes(1500).hex()
"""No compression makes it shorter than half."""
_USED = UsageRecorded(
    model="m",
    requests=1,
    input_tokens=3,
    cached_input_tokens=0,
    cache_write_tokens=0,
    output_tokens=1,
    reasoning_tokens=0,
    total_tokens=4,
)


class Both:
    """One log, opened as one of a single server, and as a distributed one."""

    def __init__(self, backend: PostgresBackend) -> None:
        self.backend = backend
        self._named: dict[str, str] = {}

    async def open(self, tenant: str = "default") -> tuple[EventLog, EventLog]:
        """Return it as what it is, and as a distributed one."""
        plain = self.plain(tenant)
        await plain.version("chat")
        connection = await asyncpg.connect(self.backend.url)
        for statement in functions(self.backend.schema):
            if "create_distributed_function" not in statement:
                await connection.execute(statement)
        await connection.close()
        spread = self._open("spread", tenant)
        await spread.version("chat")
        return plain, spread

    def plain(self, tenant: str = "default") -> EventLog:
        """Return it as what it is."""
        return self._open("plain", tenant)

    def _open(self, program: str, tenant: str) -> EventLog:
        # Handles on one address share a store, and a store is opened once.
        url = make_url(self.backend.url).update_query_dict({"application_name": program})
        address = url.render_as_string(hide_password=False)
        return EventLog(address, tenant=tenant, **grouped(**self.backend.options))


@pytest.fixture
async def both(postgres_url: str) -> AsyncIterator[Both]:
    backend = PostgresBackend(postgres_url)
    await backend.make()
    yield Both(backend)
    await backend.discard()


async def fill(log: EventLog, streams: int = 4) -> None:
    """Append small events and large ones to conversations and a branch, by turns."""
    for number in range(12):
        content = LARGE if number % 5 == 4 else "short"
        items = [{"role": "user", "content": f"{number} {content}"}]
        await log.append(f"chat-{number % streams}", ItemsAdded(items))
    await Conversation(log, "chat-0").fork("aside", branch="aside")


async def pages(log: EventLog, limit: int) -> list[Any]:
    """Return every page of the feed, of the tenant and of all, and whatever lies between."""
    feed, end = log.spi.store.feed, await log.position()
    found: list[Any] = []
    for after in range(end + 2):
        for until in (after, after + 1, after + limit, end, end + 1000):
            found.append([tuple(row) for row in await feed.page(log.tenant, after, until, limit)])
            found.append([tuple(row) for row in await feed.every_page(after, until, limit)])
    return found


@pytest.mark.parametrize("limit", [1, 3, 1000])
async def test_pages_of_the_feed_are_the_same(
    both: Both, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Of a tenant and of all, cut by number and by bytes, near and far, with content left out."""
    for module in (paging, work, runner):
        monkeypatch.setattr(module, "PAGE_BYTES", 2500)
    for tenant in ("ours", "theirs"):
        plain, spread = await both.open(tenant)
        await fill(plain)
    assert await pages(plain, limit) == await pages(spread, limit)


async def test_a_page_holds_no_more_content_than_a_page_may(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beyond is not even asked for: no node sends more than that, large event or not."""
    for module in (paging, work, runner):
        monkeypatch.setattr(module, "PAGE_BYTES", 2500)
    plain, spread = await both.open()
    for number in range(20):
        await plain.append("chat", ItemsAdded([{"role": "user", "content": f"{number}" + LARGE}]))
    asked: list[int] = []
    fetch = asyncpg.Connection.fetch

    async def count(self: Any, text: str, *args: Any, **how: Any) -> Any:
        rows = await fetch(self, text, *args, **how)
        asked.append(sum(len(value) for row in rows for value in row if isinstance(value, bytes)))
        return rows

    monkeypatch.setattr(asyncpg.Connection, "fetch", count)
    await plain.position()
    page = await spread.spi.store.feed.every_page(0, 20, 1000)
    assert 1 <= len(page) < 20
    assert max(asked) < 20 * 500 + 2 * 2500


async def test_the_feed_names_an_event_twice_or_one_that_is_not_there(both: Both) -> None:
    """A page and the leaves of the tree say so, or leave it out, as on one server."""
    plain, spread = await both.open()
    await fill(plain)
    end = await plain.position()
    await both.backend.tamper(
        "INSERT INTO {}feed SELECT ? + row_number() OVER (), stream_id, version FROM"
        " (SELECT stream_id, 1 AS version FROM {}streams UNION ALL"
        " SELECT stream_id, version + 7 FROM {}streams UNION ALL SELECT sha256('x'), 1) AS more",
        end,
    )
    last = end + 11
    tree = [log.spi.store.tree for log in (plain, spread)]
    assert await tree[0].leaves(0, 100) == await tree[1].leaves(0, 100)
    assert await tree[0].leaves(3, 2) == await tree[1].leaves(3, 2)
    for position in range(last + 2):
        assert await tree[0].event_at(position) == await tree[1].event_at(position)
    rows = [row[:3] for row in await spread.spi.store.feed.every_page(0, last, 1000)]
    assert [row[0] for row in rows] == [*range(1, end + 1), *range(end + 1, end + 6)]


WRONG = {
    "a place that nothing has": "DELETE FROM {}feed WHERE position IN (3, 7)",
    "an event in other places": "UPDATE {}feed SET version = version + 90 WHERE position = 5",
    "two events changed places": "UPDATE {}feed SET version = 4 - version WHERE stream_id ="
    " (SELECT stream_id FROM {}feed WHERE position = 1) AND version IN (1, 3)",
    "an event twice": "INSERT INTO {}feed SELECT 90 + position, stream_id, version FROM {}feed",
    "an end that was put back": "UPDATE {}streams SET version = version - 1",
    "an end of the feed": "UPDATE {}feed_head SET position = position + 1",
    "a beginning": "UPDATE {}streams SET created_at = created_at - 1",
    "a queue of what is not there": "INSERT INTO {}queue SELECT stream_id, 77, 1 FROM {}streams",
    "nobody's stream": "INSERT INTO {}feed VALUES (90, sha256('x'), 1), (91, sha256('x'), 1)",
    "what was set aside": "INSERT INTO {}misplaced SELECT stream_id, 5, 0, 1 FROM {}streams",
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_found_the_same(
    both: Both, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By who sees a tenant and by who sees all, and as well range by range."""
    for tenant in ("ours", "theirs"):
        plain, spread = await both.open(tenant)
        await fill(plain)
    await plain.position()
    await both.backend.tamper(WRONG[what])
    for whose in ("ours", None):
        one, other = [
            sorted(map(repr, await log.spi.store.tree.violations(whose))) for log in (plain, spread)
        ]
        assert one == other != []
        with monkeypatch.context() as small:
            small.setattr(tree_noun, "SLICE", 3)
            for log in (plain, spread):
                found = await log.spi.store.tree.violations(whose)
                assert sorted(map(repr, found)) == one


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_misplaced_is_found_the_same(both: Both, what: str) -> None:
    """By whoever mends the feed."""
    plain = both.plain()
    await fill(plain)
    await plain.position()
    await both.backend.tamper(WRONG[what])
    found: list[list[Misplacement]] = []
    for log in (plain, (await both.open())[1]):
        address = log.spi.address
        assert isinstance(address, PostgresAddress)
        async with repairing(address, PATIENCE) as repair:
            found.append(await repair.find())
    assert found[0] == found[1]


class Answers:
    """A runner that gives the same work other rows each time."""

    def __init__(self, *answers: list[tuple[Any, ...]]) -> None:
        self._answers = list(answers)

    async def examine(self, begin: Callable[[], Work[Any]]) -> Any:
        steps = begin()
        try:
            next(steps)
            while True:
                steps.send(self._answers.pop(0))
        except StopIteration as end:
            return end.value


async def test_what_only_one_look_finds_is_on_its_way() -> None:
    """An event that is appended, or placed, while one node after the other is asked."""
    sql = of("log")
    sql.distribute()
    first, second, third = [
        (ViolationKind.UNPLACED.value, bytes(16), "chat", "", version, None, "ours")
        for version in (1, 2, 3)
    ]
    runner = Answers([first, second, third], [second, first], [second])
    tree = Tree(cast("Runner", runner), sql.tree, lambda: Searches([sql.violations.unplaced]))
    assert [each.version for each in await tree.violations(None)] == [2]


FORGED = {
    "never there": "SELECT stream_id, 4711, 1 FROM {}streams",
    "of no stream": "SELECT sha256('x'), 1, 1",
    "placed already": "SELECT stream_id, version, recorded_at FROM {}events",
}


@pytest.mark.parametrize("what", FORGED)
async def test_only_an_event_that_has_no_place_gets_one(both: Both, what: str) -> None:
    """Whatever else waits is set aside, and told."""
    _, spread = await both.open()
    await fill(spread)
    before = await spread.position()
    await both.backend.execute(f"INSERT INTO {{}}queue {FORGED[what]}")
    await spread.append("chat-0", ItemsAdded(["more"]))
    assert await spread.position() == before + 1
    assert await both.backend.execute("SELECT count(*) FROM {}queue") == [(0,)]
    assert await both.backend.execute("SELECT count(*) > 0 FROM {}misplaced") == [(True,)]


async def test_rows_of_views_are_the_tenants_own(both: Both) -> None:
    """By a stream, by several and by none, in the order and the pages of one server."""
    for tenant in ("theirs", "ours"):
        plain, spread = await both.open(tenant)
        await fill(plain)
        await plain.append("chat-1", _USED)
    seen = [Views(log) for log in (plain, spread)]
    await seen[0].catch_up()
    mine, other = plain.spi.stream_id("chat-1"), stream_id("theirs", "chat-1")
    for views in seen:
        assert [row.stream_id for row in await views.select(UsageRow, {})] == [mine]
        assert len(await views.select(TurnRow, {"stream_id": mine})) == 3
        assert await views.select(TurnRow, {"stream_id": other}) == []
        held = await views.held(TurnCount, [mine, other])
        assert [row.stream_id for row in held] == [mine]
    every = [await views.select(TurnRow, {}, limit=5) for views in seen]
    assert every[0] == every[1] != []
    behind = [await views.select(TurnRow, {}, after=every[0][-1], limit=50) for views in seen]
    assert behind[0] == behind[1] != []


async def test_a_tenants_role_is_refused_with_what_to_do_instead(both: Both) -> None:
    """Citus has distributed the log: nothing would limit the role on the nodes."""
    await both.open()
    for text in (
        "CREATE FUNCTION {}citus_truncate_trigger() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER truncated AFTER TRUNCATE ON {}streams"
        " EXECUTE FUNCTION {}citus_truncate_trigger()",
    ):
        await both.backend.execute(text)
    with pytest.raises(InvalidOptionError, match="another schema"):
        await create_roles(both.backend.url, tenant="acme", **both.backend.options)
    schema = both.backend.schema
    roles = await both.backend.execute("SELECT FROM pg_roles WHERE rolname LIKE ?", f"{schema}%")
    assert roles == []


GUARDS = [
    *[("trigger", *of, f"CREATE TRIGGER {of[1]} {said}") for of, said in TRIGGERS.items()],
    *[("index", *of, said) for of, said in INDEXES.items()],
]


def shard(*gone: str) -> list[dict[str, str]]:
    """Return what a node says of a shard of `events`, without guards of some names."""
    wanted = [*GUARDS, *[("constraint", *of, said) for of, said in CONSTRAINTS.items()]]
    return [
        {"shard": "_7", "kind": kind, "on_table": table, "name": name, "said": said}
        for kind, table, name, said in wanted
        if table == "events" and name not in gone
    ] + [
        {"shard": "", "kind": "function", "on_table": "", "name": name, "said": said}
        for name, said in FUNCTIONS.items()
    ]


def test_guards_of_a_shard_are_missed_by_shard_and_node() -> None:
    """Those of the tables that it is a part of; a node that does not answer is told of."""
    told = [
        (1, True, json.dumps(shard())),
        (2, True, json.dumps(shard("events_rows"))),
        (3, False, ""),
    ]
    missing, silent = lost_on_nodes(told)
    assert missing.sentence == "trigger events_rows on events is missing (shard 7 on node 2)"
    assert silent.sentence == "node 3 is silent about what guards its shards"


def test_what_a_shard_has_lost_is_made_anew_in_all_of_them() -> None:
    """The coordinator has it still; made there, it is made on every node."""
    there = [
        *[
            Object("trigger", *of, f"CREATE TRIGGER {of[1]} {said}")
            for of, said in TRIGGERS.items()
        ],
        *[Object("index", *of, said) for of, said in INDEXES.items()],
    ]
    assert renewing(there) == []
    lost = Lost("trigger", "events", "events_rows", "missing (shard 7 on node 2)")
    dropped, made = renewing(there, [lost])
    assert dropped == "DROP TRIGGER IF EXISTS events_rows ON events"
    assert made.startswith("CREATE TRIGGER events_rows ")


async def test_arrays_are_known_before_anything_waits_for_them_through_pgbouncer(
    both: Both,
) -> None:
    """Where no session keeps a setting, the driver asks about types where the transaction does."""
    await both.open()
    begin, setting, end = "BEGIN;", "SET LOCAL citus.override_table_visibility = 'off'", "COMMIT;"
    async with Proxy(both.backend.url) as proxy:
        options = grouped(pgbouncer=True, pool_size=1, **both.backend.options)
        for _ in range(2):  # The first finds out, the next knows when it connects.
            async with EventLog(proxy.url, **options) as log:
                await log.append("chat", ItemsAdded([1]))
                assert [event async for event in log.feed()]
                assert (await log.verify()).ok
    asked = [at for at, said in enumerate(proxy.said) if "typeinfo" in said]
    assert asked
    for at in asked:
        block = [said for said in proxy.said[:at] if said in (begin, setting, end)]
        assert block[-2:] == [begin, setting]


async def test_a_log_that_is_only_read_sends_no_append(both: Both) -> None:
    """No node would refuse it: what makes a session read-only is said to the first server alone."""
    await both.open()
    async with Proxy(both.backend.url) as proxy:
        options = grouped(read_only=True, **both.backend.options)
        async with EventLog(proxy.url, **options) as log:
            assert await log.version("chat") == 0
            with pytest.raises(ReadOnlyError, match="read_only=True"):
                await log.append("chat", ItemsAdded([1]))
    assert [said for said in proxy.said if ".append(" in said or "INSERT" in said] == []
