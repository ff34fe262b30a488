"""MySQL and MariaDB: names, columns and times that are theirs alone, and what they refuse."""

import contextlib
import json
import re
from collections.abc import AsyncGenerator
from typing import Any, Final

import pytest
from agents.extensions.memory import SQLAlchemySession
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import TextClause

from eventlog import EventLog
from eventlog.errors import SourceError
from eventlog_importing import SQLAlchemySource, import_sessions
from eventlog_importing.from_sqlalchemy import _asynchronous
from tests import processes
from tests.adapters.importing.stores import MYSQL_DRIVERS, make_mysql_tables, mysql_database
from tests.adapters.importing.test_importing import items

SOURCE = SQLAlchemySource(
    "mysql+aiomysql://user@host/db", sessions_table="order", messages_table="my messages"
)
STATEMENTS = [SOURCE._select_messages(), SOURCE._select_empty()]


COLUMNS: Final = ["LONGTEXT", "JSON", "LONGBLOB", "LONGTEXT CHARACTER SET utf16"]
DRIVERS: Final = pytest.mark.parametrize("driver", MYSQL_DRIVERS)
EMOJI: Final = "Größe? \U0001f389"


class Theirs:
    """Tables that somebody filled without SQLAlchemySession."""

    def __init__(self, url: URL) -> None:
        self.url: Final = url.render_as_string(hide_password=False)
        self.engine: Final = create_async_engine(url)

    async def put(self, name: str, *contents: str, at: str = "2024-01-02") -> None:
        async with self.engine.begin() as connection:
            known = "INSERT IGNORE INTO agent_sessions (session_id) VALUES (%s)"
            await connection.exec_driver_sql(known, (name,))
            for content in contents:
                await connection.exec_driver_sql(
                    "INSERT INTO agent_messages (session_id, message_data, created_at)"
                    " VALUES (%s, %s, %s)",
                    (name, content, at),
                )


@contextlib.asynccontextmanager
async def database(url: str, driver: str, more: str = "", **columns: str) -> AsyncGenerator[Theirs]:
    """A database with the tables of SQLAlchemySession, of columns as they may be."""
    async with mysql_database(url, driver, more or "CHARACTER SET utf8mb4") as there:
        opened = Theirs(there)
        await make_mysql_tables(opened.engine, **columns)
        yield opened
        await opened.engine.dispose()


@DRIVERS
async def test_names_that_the_server_takes_for_one_are_one_conversation(
    mysql_url: str, driver: str, target: EventLog
) -> None:
    """Without regard to case, accents and spaces at the end, as SQLAlchemySession reads it."""
    async with database(mysql_url, driver, "COLLATE utf8mb4_general_ci") as theirs:
        for number, name in enumerate(("Chat", "chat", "Chat ", "CHAT", "other")):
            await theirs.put(name, f'{{"n": {number}}}')
        session = SQLAlchemySession("chat", engine=theirs.engine)
        read: list[Any] = [*await session.get_items()]
        report = await import_sessions(target, theirs.url)
    assert (report.conversations, report.copied, len(report.refused)) == (2, 2, 0)
    assert await items(target, "Chat") == read == [{"n": number} for number in range(4)]
    assert await items(target, "other") == [{"n": 4}]


@DRIVERS
@pytest.mark.parametrize("content", COLUMNS)
async def test_contents_come_verbatim_from_any_column(
    mysql_url: str, driver: str, content: str, target: EventLog
) -> None:
    """Letters beyond the first plane that nobody escaped, key order, and 5 MB of text."""
    long = "ß" * 2_500_000
    rows = [f'{{"b": "{EMOJI}", "a": [1.5, null]}}', f'{{"long": "{long}"}}']
    async with database(mysql_url, driver, content=content) as theirs:
        await theirs.put(EMOJI, *rows)
        report = await import_sessions(target, theirs.url)
    assert (report.items, len(report.preserved)) == (2, 0)
    assert repr(await items(target, EMOJI)) == repr([json.loads(row) for row in rows])


@DRIVERS
async def test_tables_in_latin1_are_read(mysql_url: str, driver: str, target: EventLog) -> None:
    """The server gives us Unicode, whatever it keeps."""
    async with database(mysql_url, driver, "CHARACTER SET latin1") as theirs:
        await theirs.put("Größe", '{"content": "für Ätna"}')
        await import_sessions(target, theirs.url)
    assert await items(target, "Größe") == [{"content": "für Ätna"}]


@DRIVERS
async def test_a_row_that_is_no_item_is_preserved(
    mysql_url: str, driver: str, target: EventLog
) -> None:
    """No JSON, no text, no object; what stands around it is copied."""
    wrong = ["{not json", "no text", "[1]", ""]
    async with database(mysql_url, driver, content="LONGBLOB") as theirs:
        await theirs.put("chat", '{"n": 1}', *wrong, '{"n": 2}')
        async with theirs.engine.begin() as connection:
            await connection.exec_driver_sql(
                "UPDATE agent_messages SET message_data = X'fffe00' WHERE message_data = 'no text'"
            )
        report = await import_sessions(target, theirs.url)
        again = await import_sessions(target, theirs.url)
    assert [kept.row for kept in report.preserved] == [1, 2, 3, 4]
    assert await items(target, "chat") == [{"n": 1}, {"n": 2}]
    assert (again.unchanged, again.copied) == (1, 0)


@DRIVERS
@pytest.mark.parametrize("zone", ["+00:00", "+05:00"])
async def test_times_are_those_of_the_source_to_the_microsecond(
    mysql_url: str, driver: str, zone: str, target: EventLog
) -> None:
    """A TIMESTAMP is a moment, in whatever zone a session of the server tells it."""
    async with database(mysql_url, driver, time="TIMESTAMP(6)") as theirs:
        local = make_url(theirs.url).update_query_dict({"init_command": f"SET time_zone='{zone}'"})
        hours = int(zone[1:3])
        elsewhere = Theirs(local)
        await elsewhere.put("chat", '{"n": 1}', at=f"2024-01-02 {3 + hours:02}:04:05.678901")
        await import_sessions(target, SQLAlchemySource(elsewhere.engine))
        async with elsewhere.engine.connect() as connection:
            asked = await connection.exec_driver_sql("SELECT @@session.time_zone")
            assert asked.scalar_one() == zone
        await elsewhere.engine.dispose()
    added = (await target.read("chat").all())[0]
    assert added.context.source_time == [1_704_164_645_678_901]


REFUSED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "wrong password": ({}, "no such password"),
    "unknown user": ({"username": "nobody"}, "no such password"),
    "unknown host": ({"host": "nowhere.invalid", "query": {}}, "cannot be reached"),
    "nobody listens": ({"host": "127.0.0.1", "port": 1, "query": {}}, "cannot be reached"),
    "no database": ({"password": None, "database": "s3cret"}, "no database of this name"),
    "no tables": ({"password": None, "database": "mysql"}, "no such tables"),
}


@DRIVERS
@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_is_said_in_words_without_secrets(
    mysql_url: str, driver: str, case: str, target: EventLog
) -> None:
    """What to look at, and neither a password nor a word of Python or SQL."""
    changes, said = REFUSED[case]
    server = make_url(mysql_url).set(drivername=f"mysql+{driver}", database="mysql")
    changed: dict[str, Any] = {"password": "s3cret", **changes}
    if changed["password"] is None:
        changed["password"] = server.password
    url = server.set(**changed).render_as_string(hide_password=False)
    with pytest.raises(SourceError, match=said) as caught:
        await import_sessions(target, url)
    assert not re.search(r"s3cret|Error|SELECT|sqlalche", str(caught.value))
    code, output = await processes.output_of(
        *("-m", "eventlog_cli", "import", url, "--db", str(target.spi.address))
    )
    assert (code, said in output) == (1, True), output
    assert not re.search(r"s3cret|Error|SELECT|sqlalche|Traceback", output)


@pytest.mark.parametrize("statement", STATEMENTS, ids=["messages", "empty"])
def test_what_is_asked_of_mysql_is_what_is_asked_of_the_others(statement: Any) -> None:
    """But for how names are quoted: nothing in it is of one database, and nothing is written."""
    assert not any(isinstance(part, TextClause) for part in visitors.iterate(statement))
    compiled = [
        str(statement.compile(dialect=dialect.dialect())) for dialect in (mysql, postgresql, sqlite)
    ]
    one, *others = [text.replace("`", '"') for text in compiled]
    assert others == [one, one]
    assert "`my messages`" in compiled[0]
    assert "`order`" in compiled[0]
    assert one.startswith("SELECT ")


def test_rows_come_in_the_order_of_sqlalchemy_session() -> None:
    """By time and then by number, as it reads them."""
    text = str(STATEMENTS[0].compile(dialect=mysql.dialect()))
    assert text.endswith("ORDER BY m.session_id, m.created_at, m.id")


@pytest.mark.parametrize("driver", ["aiomysql", "asyncmy"])
def test_the_driver_of_a_mysql_url_is_the_one_that_it_names(driver: str) -> None:
    """Only a URL that names none is given one."""
    url = f"mysql+{driver}://user@host/db"
    assert _asynchronous(url).render_as_string() == url


@pytest.mark.parametrize("dialect", ["mysql", "mariadb"])
async def test_a_url_without_a_driver_is_read(
    mysql_url: str, dialect: str, target: EventLog
) -> None:
    """As people write them for other programs."""
    async with database(mysql_url, MYSQL_DRIVERS[0]) as theirs:
        await theirs.put("chat", '{"n": 1}')
        bare = make_url(theirs.url).set(drivername=dialect)
        report = await import_sessions(target, bare.render_as_string(hide_password=False))
    assert (report.copied, await items(target, "chat")) == (1, [{"n": 1}])
