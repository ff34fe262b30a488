"""MySQL: no server runs here, so what would be sent to one is looked at."""

from typing import Any

import pytest
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import TextClause

from eventlog_importing import SQLAlchemySource
from eventlog_importing.from_sqlalchemy import _asynchronous

SOURCE = SQLAlchemySource(
    "mysql+aiomysql://user@host/db", sessions_table="order", messages_table="my messages"
)
STATEMENTS = [SOURCE._select_messages(), SOURCE._select_empty()]


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
    """Only PostgreSQL has a driver of its own accord: ours."""
    url = f"mysql+{driver}://user@host/db"
    assert _asynchronous(url).render_as_string() == url
