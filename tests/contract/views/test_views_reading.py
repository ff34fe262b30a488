"""What people ask of the views."""

import functools
import inspect
import sys
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from eventlog import Context, EventLog, ItemsAdded, NewEvent
from eventlog.events import ModelCalled, UsageRecorded
from eventlog.format.envelope import to_microseconds
from eventlog.operations import place_hold
from eventlog_projections import Conversation
from eventlog_projections.views import (
    Views,
    branches,
    conversations,
    prices,
    search,
    tool_calls,
    tools,
    turns,
    usage,
)
from eventlog_projections.views.row import Row
from eventlog_projections.views.turns import UsageRow
from tests.backends import EVERY_LOCALE, Backend
from tests.conftest import Clock

pytestmark = EVERY_LOCALE


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def used(tokens: int, *, requests: int = 1, model: str | None = "m") -> UsageRecorded:
    return UsageRecorded(
        requests=requests,
        input_tokens=tokens,
        cached_input_tokens=tokens // 2,
        cache_write_tokens=0,
        output_tokens=10,
        reasoning_tokens=5,
        total_tokens=tokens + 10,
        model=model,
    )


async def test_conversations_come_by_their_last_activity_a_page_at_a_time(log: EventLog) -> None:
    """Every one once, whatever the size of the page; the title is the first message without one."""
    for number in range(25):
        await log.append(f"chat-{number % 20}", ItemsAdded([user(f"hello {number}")]))
    await Conversation(log, "chat-3").label(title="Three", owner="ana", tags=["a", "b"])
    views = Views(log)
    seen: list[Any] = []
    while page := await conversations(views, after=seen[-1] if seen else None, limit=7):
        seen += page
    expected = [4, 3, 2, 1, 0, *range(19, 4, -1)]
    assert [row.name for row in seen] == [f"chat-{number}" for number in expected]
    assert [row.title for row in seen[:2]] == ["hello 4", "Three"]
    (three,) = await conversations(views, owner="ana")
    assert (three.name, three.tags, three.items, three.turns) == ("chat-3", ("a", "b"), 2, 2)


async def test_branches_are_counted_while_they_are_there(log: EventLog) -> None:
    """The main one is none of them; a deleted one is not, until something is added to it."""
    chat = Conversation(log, "chat")
    await chat.add([user("hello")])
    side = await chat.fork("chat", branch="side")
    views = Views(log)
    assert [row.branches for row in await conversations(views)] == [1]
    assert [(row.branch, row.items) for row in await branches(views, "chat")] == [
        ("", 1),
        ("side", 1),
    ]
    await side.add([user("more")])
    assert [row.items for row in await conversations(views)] == [1]
    assert [turn.message for turn in await turns(views, "chat", branch="side")] == ["more"]


async def test_an_undone_turn_is_removed_until_it_is_redone(log: EventLog) -> None:
    """In the list of turns, and for the search."""
    chat, views = Conversation(log, "chat"), Views(log)
    await chat.add([user("rain"), {"role": "assistant", "content": "wet"}])
    await chat.add([user("sun"), {"role": "assistant", "content": "dry"}])
    for change, removed in ((chat.undo, True), (chat.redo, False), (chat.undo, True)):
        await change()
        assert [turn.removed for turn in await turns(views, "chat")] == [False, removed]
        assert [found.removed for found in await search(views, "dry")] == [removed]
        assert [found.removed for found in await search(views, "wet")] == [False]
    assert await search(views, "dry", removed=False) == []
    assert [found.text for found in await search(views, "dry", removed=True)] == ["dry"]


async def test_the_size_of_the_context_is_not_the_running_total(log: EventLog) -> None:
    """A turn ends with what its last call read and wrote; the total adds all calls up."""
    chat, views = Conversation(log, "chat"), Views(log)
    await chat.add([user("one")], beside=used(100))
    await chat.add([{"role": "assistant", "content": "1"}], beside=used(140))
    await chat.add([user("two")], beside=used(200, requests=2))
    one, two = await turns(views, "chat")
    assert (one.context_tokens, one.total_tokens, one.running_tokens) == (150, 260, 260)
    assert (two.context_tokens, two.total_tokens, two.running_tokens) == (None, 210, 470)
    assert [row.total_tokens for row in await conversations(views)] == [470]


async def test_without_a_known_price_usage_is_unpriced_and_never_free(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No package, no model, an unknown model."""
    chat, views = Conversation(log, "chat"), Views(log)
    await chat.add([user("one")], beside=used(100, model="known"))
    await chat.add([user("two")], beside=used(100, model="unheard-of"))
    await chat.add([user("three")], beside=used(100, requests=3, model=None))
    install(monkeypatch, None)
    assert [row.cost for row in await usage(views)] == [
        (Decimal(0), 3),
        (Decimal(0), 1),
        (Decimal(0), 1),
    ]
    assert (await conversations(views))[0].cost == (Decimal(0), 5)
    install(monkeypatch, {"known": Decimal("0.005")})
    assert {row.model: row.cost for row in await usage(views, "chat")} == {
        None: (Decimal(0), 3),
        "known": (Decimal("0.5"), 0),
        "unheard-of": (Decimal(0), 1),
    }
    assert (await conversations(views))[0].cost == (Decimal("0.5"), 4)
    costs = [turn.cost for turn in await turns(views, "chat")]
    assert costs == [(Decimal("0.5"), 0), (Decimal(0), 1), (Decimal(0), 3)]


async def test_calls_of_a_model_that_have_no_price_are_counted_beside_those_that_have(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is cached in more tokens than were read, for example: nobody knows what that cost."""
    chat, views = Conversation(log, "chat"), Views(log)
    odd = msgspec.structs.replace(used(100, requests=2, model="known"), cached_input_tokens=200)
    await chat.add([user("one")], beside=used(100, model="known"))
    await chat.add([user("two")], beside=odd)
    install(monkeypatch, {"known": Decimal(1)})
    assert [row.cost for row in await usage(views)] == [(Decimal(100), 2)]
    assert [row.cost for row in await usage(views, "chat")] == [(Decimal(100), 2)]


async def test_calls_are_read_only_where_a_price_is_known(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are counted already: there may be millions of them."""
    chat, views = Conversation(log, "chat"), Views(log)
    await chat.add([user("one")], beside=used(100, model="known"))
    await views.catch_up()
    kinds: list[type[Row]] = []

    async def read(kind: type[Row], *args: Any, how: Any, **kwargs: Any) -> Any:
        kinds.append(kind)
        return await how(kind, *args, **kwargs)

    for name in ("select", "held"):
        monkeypatch.setattr(views, name, functools.partial(read, how=getattr(views, name)))
    for known, is_read in ((None, False), ({}, False), ({"known": Decimal(1)}, True)):
        install(monkeypatch, known)
        kinds.clear()
        await usage(views)
        await usage(views, "chat")
        await conversations(views)
        assert kinds.count(UsageRow) == 3 * is_read


async def test_what_is_summed_up_costs_what_its_calls_cost(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a longer context is dearer: of one call, and not of all calls together."""
    chat, views = Conversation(log, "chat"), Views(log)
    for _ in range(3):
        await chat.add([user("short")], beside=used(100, model="known"))
    await (await chat.fork("chat", branch="aside")).add(
        [user("short")], beside=used(100, model="known")
    )
    await chat.add([user("long")], beside=used(300, model="known"))
    install(monkeypatch, {"known": Decimal(1)}, dear_from=200)
    costs = [turn.cost.total for turn in await turns(views, "chat")]
    assert costs == [100, 100, 100, 600]
    assert [row.cost for row in await usage(views)] == [(Decimal(1000), 0)]
    assert [row.cost for row in await usage(views, "chat")] == [(Decimal(1000), 0)]
    assert [row.cost for row in await conversations(views)] == [(Decimal(1000), 0)]


async def test_a_call_costs_what_it_did_at_its_time(
    backend: Backend, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However prices change afterwards, and whatever it is summed up with."""
    async with backend.open(clock=clock) as log:
        chat, views = Conversation(log, "chat"), Views(log)
        before = clock.now
        await chat.add([user("one")], beside=used(100, model="known"))
        clock.tick()
        await chat.add([user("two")], beside=used(100, model="known"))
        install(monkeypatch, {"known": Decimal(1)}, twice_after=before)
        assert [turn.cost.total for turn in await turns(views, "chat")] == [100, 200]
        assert [row.cost for row in await usage(views)] == [(Decimal(300), 0)]
        assert [row.cost for row in await conversations(views)] == [(Decimal(300), 0)]


def install(
    monkeypatch: pytest.MonkeyPatch,
    known: dict[str, Decimal] | None,
    *,
    dear_from: int | None = None,
    twice_after: int | None = None,
) -> None:
    """Stand in for genai-prices, which need not be installed: dollars for a token of input.

    Twice as many in a call of `dear_from` tokens or more, and after a time in microseconds.
    """

    def rates_of(dollars: Decimal) -> Any:
        def calc_price(counted: Any) -> dict[str, Decimal]:
            is_dear = dear_from is not None and counted.input_tokens >= dear_from
            return {"total_price": counted.input_tokens * dollars * (1 + is_dear)}

        rate = dollars if dear_from is None else SimpleNamespace(base=dollars, tiers=[dear_from])
        return SimpleNamespace(input_mtok=rate, calc_price=calc_price)

    def calc_price(_: Any, name: str) -> Any:
        assert known is not None
        dollars = known[name]  # A KeyError is a LookupError, as theirs.
        now, later = rates_of(dollars), rates_of(2 * dollars)

        def get_prices(at: datetime) -> Any:
            return later if twice_after is not None and to_microseconds(at) > twice_after else now

        return SimpleNamespace(model=SimpleNamespace(get_prices=get_prices))

    package = SimpleNamespace(Usage=SimpleNamespace, calc_price=calc_price)
    monkeypatch.setitem(sys.modules, "genai_prices", None if known is None else package)
    # Nothing of it is remembered: who asks for a cost afterwards gets the real prices.
    for name in ("_package", "_model"):
        monkeypatch.setattr(prices, name, inspect.unwrap(getattr(prices, name)))


async def test_a_tool_took_the_time_since_its_model_had_answered(
    backend: Backend, clock: Clock
) -> None:
    """Where hooks recorded that, in the same run: the SDK adds a call together with its result."""

    def pair(number: int) -> list[dict[str, str]]:
        name = {"call_id": f"c{number}"}
        call = {"type": "function_call", "name": "weather"} | name
        return [call, {"type": "function_call_output", "output": "sunny"} | name]

    hosted = {"type": "mcp_call", "id": "m1", "name": "weather", "output": "x"}
    mine, other = Context(run_id="mine"), Context(run_id="other")
    async with backend.open(clock=clock) as log:
        chat, views = Conversation(log, "chat"), Views(log)
        await log.append("chat", NewEvent(ModelCalled(input=[]), mine))
        clock.tick(1_000_000)
        await chat.add(pair(0), context=mine)  # The model has not answered yet.
        await log.append("chat", NewEvent(used(9), mine))
        clock.tick(2_000_000)
        await chat.add([*pair(1), *pair(2), hosted], context=mine)
        clock.tick(3_000_000)
        await chat.add(pair(3), context=other)
        await chat.add(pair(4))
        await chat.add(pair(5), context=mine, beside=used(9))  # As a session counts without hooks.
        await log.append("chat", NewEvent(ModelCalled(input=[]), other))
        await chat.add(pair(6), context=mine)
        durations = [call.duration for call in await tool_calls(views, "chat")]
        assert durations == [None, 2_000_000, 2_000_000, None, None, None, None, None]
        (weather,) = await tools(views)
        assert (weather.mean_seconds, weather.longest_seconds) == (2.0, 2.0)


async def test_tools_know_calls_results_errors_and_how_long_they_took(
    backend: Backend, clock: Clock
) -> None:
    """A call without a result is unanswered; one that has the id of another is another one."""

    def call(number: int) -> dict[str, str]:
        return {"type": "function_call", "call_id": f"c{number}", "name": "weather"}

    def result(number: int, output: str = "sunny") -> dict[str, str]:
        return {"type": "function_call_output", "call_id": f"c{number}", "output": output}

    async with backend.open(clock=clock) as log:
        chat, views = Conversation(log, "chat"), Views(log)
        await chat.add([call(1), call(2)])
        clock.tick(2_000_000)
        await chat.add([result(1), call(3), call(4), result(3)])
        clock.tick(4_000_000)
        await chat.add([result(2, "An error occurred while running the tool. Try again.")])
        await chat.add([call(1), {"type": "mcp_call", "id": "m1", "name": "read", "output": "x"}])
        read, weather = sorted(await tools(views), key=lambda tool: tool.name)
        assert weather == ("weather", 5, 3, 1, 2, 4.0, 6.0)
        assert read == ("read", 1, 1, 0, 0, None, None)
        calls = {row.call_id: row for row in (await tool_calls(views, "chat"))[:4]}
        assert [calls[f"c{n}"].duration for n in (1, 2, 3, 4)] == [2_000_000, 6_000_000, None, None]
        assert calls["c4"].answered_at is None


async def test_a_label_or_a_hold_is_no_use(backend: Backend, clock: Clock) -> None:
    """Who looks for what was talked of last finds it first, whatever was filed since."""
    async with backend.open(clock=clock) as log:
        for name in ("old", "new"):
            await Conversation(log, name).add([user("hello")])
            clock.tick(1_000_000)
        views = Views(log)
        before = {row.name: row.last_at for row in await conversations(views)}
        await Conversation(log, "old").label(title="A title")
        await place_hold(log, "old", "case-7")
        assert {row.name: row.last_at for row in await conversations(views)} == before
        assert [row.name for row in await conversations(views)] == ["new", "old"]
        clock.tick(1_000_000)
        await Conversation(log, "old").pop()
        assert [row.name for row in await conversations(views)] == ["old", "new"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rain", {"rain in spain", "spain without rain"}),
        ("RAIN spain", {"rain in spain", "spain without rain"}),
        ('"rain in spain"', {"rain in spain"}),
        ('without "rain"', {"spain without rain"}),
        ("snow", set()),
        ("", set()),
        ("* - ( \" '", set()),
        ('OR NOT "', set()),
        ("grüße", {"grüße"}),
    ],
)
async def test_search_finds_items_with_all_words_and_phrases(
    log: EventLog, text: str, found: set[str]
) -> None:
    """What else is typed is no syntax, and no error."""
    await Conversation(log, "a").add([user("rain in spain"), user("grüße")])
    await Conversation(log, "b").add(
        [user("spain without rain"), {"type": "image", "data": "rain"}]
    )
    assert {row.text for row in await search(Views(log), text)} == found


async def test_search_looks_into_one_conversation_and_stops_at_the_limit(log: EventLog) -> None:
    """By the name of the conversation."""
    for name in ("a", "b"):
        await Conversation(log, name).add([user(f"rain {name} {n}") for n in range(5)])
    views = Views(log)
    assert {row.conversation for row in await search(views, "rain", conversation="b")} == {"b"}
    assert len(await search(views, "rain", limit=3)) == 3


async def test_sql_clients_read_names_and_times(backend: Backend) -> None:
    """The text of items only once it is switched on, and while it is; also after a rebuild."""
    async with backend.open() as log:
        views = Views(log)
        await Conversation(log, "chat").add([user("hello")], beside=used(100))
        await views.catch_up()
        rows = await backend.execute("SELECT tenant, conversation, turn, model FROM {}usage")
        assert rows == [("default", "chat", 1, "m")]
        for name, of in (("turns", ("default", "chat", "", 1)), ("models", ("default", "m", 1))):
            (row,) = await backend.execute(f"SELECT * FROM {{}}{name}")
            assert tuple(row)[: len(of)] == of
        ((began,),) = await backend.execute("SELECT begun_at FROM {}turns")
        (turn,) = await turns(views, "chat")
        assert turn.begun_at is not None
        assert str(began)[:19] == turn.begun_at.strftime("%Y-%m-%d %H:%M:%S")
        assert await backend.execute("SELECT name FROM {}conversations") == [("chat",)]
        await views.show_items()
        await views.rebuild("search")
        await views.rebuild("turns")
        await Conversation(log, "chat").add([user("more")])
        await views.catch_up()
        assert await backend.execute("SELECT text FROM {}items ORDER BY text") == [
            ("hello",),
            ("more",),
        ]
        await views.show_items(shown=False)
        with pytest.raises(Exception, match="items"):
            await backend.execute("SELECT text FROM {}items")


async def test_what_has_a_readable_name_already_is_left_alone(backend: Backend) -> None:
    """Somebody else's table, or view: ours is not made, and the views work without it."""
    async with backend.open() as log:
        await log.append("chat", ItemsAdded([user("hello")]))
        await backend.execute("CREATE TABLE {}usage (own TEXT)")
        await backend.execute("CREATE VIEW {}turns AS SELECT 1 AS own")
        views = Views(log)
        assert len(await turns(views, "chat")) == 1
        await views.rebuild("turns")
        assert await backend.execute("SELECT own FROM {}usage") == []
        assert await backend.execute("SELECT own FROM {}turns") == [(1,)]
