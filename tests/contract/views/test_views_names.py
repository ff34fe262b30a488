"""Tables of views and schemas with names as long as there may be: none is taken for another."""

from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec
import pytest

from eventlog import EventLog, ItemsAdded, PostgresOptions
from eventlog.errors import InvalidNameError, InvalidOptionError
from eventlog.format.names import ROOM
from eventlog.operations import create_roles
from eventlog_projections import Conversation
from eventlog_projections.views import Projection, Row, Rows, Step, Views, Written
from tests.backends import Backend

LONGEST: Final = "t" * (63 - ROOM)
COLUMN: Final = "c" * 63


def rows_called(table: str, readable: str | None = None) -> type[Row]:
    """Return rows of a table with an index, a text and a long column."""
    columns = [("stream_id", bytes), (COLUMN, int), ("text", str)]
    called: dict[str, Any] = {"table": table, "key": ("stream_id", COLUMN), "readable": readable}
    also = {"indexes": ((COLUMN,),), "searched": "text"}
    named = {**called, **also}
    return cast(
        "type[Row]", msgspec.defstruct("Long", columns, bases=(Row,), namespace=named, frozen=True)
    )


def projection(kind: type[Row]) -> Projection:
    make = cast("Any", kind)

    def fold(step: Step, _: Rows) -> Iterator[Written]:
        yield make(step.stream_id, step.version, "word")

    return Projection("long", 1, (kind,), fold)


async def test_a_view_of_the_longest_names_is_made_read_searched_and_made_anew(
    log: EventLog, backend: Backend
) -> None:
    """Its generations and their indexes are told apart."""
    kind = rows_called(LONGEST, "r" * 63)
    await log.append("chat", [ItemsAdded(["a"]), ItemsAdded(["b"])])
    views = Views(log, [projection(kind)])
    assert len(await views.select(kind, {})) == 2
    await views.rebuild("long")
    await log.append("chat", ItemsAdded(["c"]))
    assert len(await views.select(kind, {})) == 3
    assert len(await views.search(kind, ["word"], {}, limit=9)) == 3
    assert await views.check("long") == []
    assert len(await backend.execute(f"SELECT * FROM {{}}{'r' * 63}")) == 3


@pytest.mark.parametrize(
    ("table", "readable"),
    [("t" + LONGEST, None), ("calls", "r" * 64), ("Calls", None), ("x_1", None)],
)
async def test_a_view_of_other_names_is_refused_at_once(
    log: EventLog, table: str, readable: str | None
) -> None:
    """Before anything is made."""
    with pytest.raises(InvalidNameError):
        Views(log, [projection(rows_called(table, readable))])


async def test_schemas_that_differ_in_their_last_byte_are_two_logs(backend: Backend) -> None:
    """Of 63 bytes, with views; and the roles that would need more bytes are refused."""
    if backend.name == "sqlite":
        return  # A file is one log.
    schemas = [backend.options["schema"].ljust(62, "x") + last for last in "ab"]
    try:
        for schema in schemas:
            async with EventLog(backend.url, postgres=PostgresOptions(schema=schema)) as log:
                await Conversation(log, "chat").add([schema])
                assert await Conversation(log, "chat").items() == [schema]
                await Views(log).catch_up()
                assert (await log.verify()).ok
            with pytest.raises(InvalidOptionError, match="63 bytes"):
                await create_roles(backend.url, schema=schema)
    finally:
        for schema in schemas:
            await backend.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
