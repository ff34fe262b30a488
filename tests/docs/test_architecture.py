"""ARCHITECTURE.md is true: its picture shows the contracts, its journeys are what is called."""

import itertools
import re
import tomllib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import pytest

from eventlog_openai_agents import EventLogSession
from eventlog_projections.views import Views
from tests.backends import Backend
from tests.docs import pages
from tests.docs.journeys import Journey, watched

DOCUMENT: Final = pages.text("ARCHITECTURE.md")
ITEM: Final[Any] = {"role": "user", "content": "hi"}


class Picture(NamedTuple):
    """Rooms by the wing that they are in, each from top to bottom, and arrows between their ids."""

    rooms: dict[str, list[tuple[str, str]]]
    """Wing to id and first line; a wing in a wing is a room whose first line is its last name."""
    arrows: set[tuple[str, str]]


def drawn() -> Picture:
    """Read the picture, a line at a time."""
    (code,) = pages.blocks(DOCUMENT, "mermaid")
    wings, rooms, arrows = [""], dict[str, list[tuple[str, str]]](), set[tuple[str, str]]()
    for line in map(str.strip, code.splitlines()):
        if wing := re.fullmatch(r'subgraph (\w+)\["([\w.]+).*"\]', line):
            rooms.setdefault(wings[-1], []).append((wing[1], wing[2].rpartition(".")[2]))
            wings.append(wing[2])
        elif room := re.fullmatch(r'(\w+)\["(.+?)(?:<br/>.*)?"\]', line):
            rooms.setdefault(wings[-1], []).append((room[1], room[2]))
        elif "-->" in line:
            arrows |= set(itertools.pairwise(line.split(" --> ")))
        elif line == "end":
            wings.pop()
    return Picture(rooms, arrows)


def contracts() -> dict[str, list[str]]:
    """Return the layers of each wing, from top to bottom, as import-linter is told of them."""
    told = tomllib.loads(pages.text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = [contract for contract in told if contract["type"] == "layers"]
    return {
        wing: contract["layers"] for contract in layers for wing in contract.get("containers", [""])
    }


def test_the_picture_shows_every_layer_of_the_contracts_and_nothing_else() -> None:
    """Wing by wing, from top to bottom."""
    rooms = drawn().rooms
    shown = {wing: [line for _, line in inside] for wing, inside in rooms.items()}
    assert shown == contracts()


def test_an_arrow_leads_from_each_layer_to_the_next_and_no_other_does() -> None:
    """What may be imported is what lies below."""
    picture = drawn()
    expected: set[tuple[str, str]] = set()
    for inside in picture.rooms.values():
        expected |= set(itertools.pairwise([room for room, _ in inside]))
    assert picture.arrows == expected


STEP: Final = re.compile(r"^\d+\. .*(?:\n +\S.*)*", re.MULTILINE)
CASE: Final = re.compile(r"\*([A-Z][\w ,]*):\*")
CALLED: Final = re.compile(r"`([\w/]+/\w+\.py)`")
DATABASES: Final = {"sqlite": "SQLite", "postgres": "PostgreSQL"}


def steps(title: str, *cases: str) -> list[str]:
    """Return the files of a journey in their order, without those of other cases than these.

    "Cold or as of, SQLite" is for either of two cases, on one database. A link names a file that
    is read and not called.
    """
    section = DOCUMENT.partition(f"### {title}\n")[2].partition("\n#")[0]
    found: list[str] = []
    for step in STEP.findall(section):
        always, *others = CASE.split(step)
        found += CALLED.findall(always)
        for case, said in zip(others[::2], others[1::2], strict=True):
            if _is_one_of(case, cases):
                found += CALLED.findall(said)
    assert len(found) > 4
    return found


def _is_one_of(case: str, cases: Sequence[str]) -> bool:
    known = {each.lower() for each in cases}
    return all(not known.isdisjoint(part.split(" or ")) for part in case.lower().split(", "))


def missed(expected: Sequence[str], journey: Journey) -> list[str]:
    """Return the first file that is not called after those before it, and what follows it."""
    called = iter(journey.calls)
    return [path for path in expected if path not in called]


async def test_an_item_is_added_as_it_says(backend: Backend) -> None:
    """From the session to the row and its answer, where the head is known."""
    expected = steps("An item is added", DATABASES[backend.name])
    with watched() as journey:
        async with backend.open() as log:
            session = EventLogSession("user-123", log=log)
            await session.add_items([ITEM])
            with journey.recorded():
                await session.add_items([ITEM])
    assert missed(expected, journey) == []


@pytest.mark.parametrize("case", ["Warm", "Cold", "As of"])
async def test_items_are_read_as_it_says(backend: Backend, case: str) -> None:
    """From memory, by a process that has read nothing yet, and as of a version."""
    expected = steps("Items are read", DATABASES[backend.name], case)
    as_of = 1 if case == "As of" else None
    async with backend.open() as log:
        await EventLogSession("user-123", log=log).add_items([ITEM])
    with watched() as journey:
        async with backend.open() as log:
            session = EventLogSession("user-123", log=log)
            if case == "Warm":
                await session.get_items()
                await session.add_items([ITEM])
            with journey.recorded():
                assert ITEM in await session.get_items(as_of=as_of)
    assert missed(expected, journey) == []


async def test_an_event_becomes_a_row_as_it_says(backend: Backend) -> None:
    """Of a view that is there already."""
    expected = steps("An event becomes a row of a table", DATABASES[backend.name])
    with watched() as journey:
        async with backend.open() as log:
            views = Views(log)
            await views.catch_up()
            await EventLogSession("user-123", log=log).add_items([ITEM])
            with journey.recorded():
                await views.catch_up()
    assert missed(expected, journey) == []


async def test_a_log_is_verified_as_it_says(backend: Backend) -> None:
    """A sound one."""
    expected = steps("A log is verified", DATABASES[backend.name])
    with watched() as journey:
        async with backend.open() as log:
            await EventLogSession("user-123", log=log).add_items([ITEM])
            with journey.recorded():
                assert (await log.verify()).ok
    assert missed(expected, journey) == []
