"""Names and addresses, without a database."""

import asyncio
from typing import Any

import pytest

from eventlog import PostgresOptions
from eventlog.addresses.log import PostgresAddress, SqliteAddress, parse
from eventlog.errors import InvalidAddressError, InvalidNameError
from eventlog.format.names import MAX_BYTES, check_columns, check_name, check_table
from eventlog.operations import create_roles, migrate


@pytest.mark.parametrize("name", ["a", "ü" * (MAX_BYTES // 2), "a b\n", "../x"])
def test_a_name_is_any_text_that_databases_keep(name: str) -> None:
    """And comes back as it is."""
    assert check_name("session_id", name) == name


@pytest.mark.parametrize("name", ["", "\x00", "\udfff", "ü" * (MAX_BYTES // 2 + 1), b"a", 1, None])
def test_what_no_database_keeps_is_no_name(name: object) -> None:
    """The message says which parameter it was."""
    with pytest.raises(InvalidNameError, match="session_id"):
        check_name("session_id", name)


@pytest.mark.parametrize("name", ["x" * 63, "ü" * 31, 'a "b" c', "Eventlog", "pgx"])
def test_a_schema_is_called_by_up_to_63_bytes(name: str) -> None:
    """As many as PostgreSQL tells apart."""
    assert PostgresOptions(schema=name).schema == name


@pytest.mark.parametrize(
    "name", ["", "x" * 64, "ü" * 32, "x" * 62 + "é", "pg_x", "a\0b", "\udfff", 1]
)
def test_what_postgresql_cuts_off_or_keeps_for_itself_is_no_schema(name: Any) -> None:
    """Two logs would be one, silently; wherever it is given, before anything connects."""
    url = "postgresql://nobody@127.0.0.1:1/nowhere"
    with pytest.raises(InvalidNameError, match="schema"):
        PostgresOptions(schema=name)
    with pytest.raises(InvalidNameError, match="schema"):
        asyncio.run(migrate(url, schema=name))
    with pytest.raises(InvalidNameError, match="schema"):
        asyncio.run(create_roles(url, schema=name))


@pytest.mark.parametrize("part", ["{}@h/d", "u@h/{}"])
def test_a_user_or_database_that_postgresql_cuts_off_is_no_address(part: str) -> None:
    """It would be another one."""
    parse(f"postgresql://{part.format('x' * 63)}", "eventlog")
    with pytest.raises(InvalidAddressError, match="63 bytes"):
        parse(f"postgresql://{part.format('x' * 62 + '%C3%A9')}", "eventlog")


@pytest.mark.parametrize("name", ["", "x" * 42, "Calls", "a-b", "a b", "calls_1", "ü", "1a", "a\0"])
def test_a_table_of_a_view_is_called_so_that_no_other_is(name: str) -> None:
    """What belongs to it, and which generation it is, fits behind; SQLite ignores case."""
    with pytest.raises(InvalidNameError, match="table"):
        check_table(name)


def test_columns_of_a_view_differ_in_more_than_case() -> None:
    """And in more than what is cut off."""
    check_columns(["a", "b", "x" * 63])
    for names in (["a", "A"], ["x" * 64]):
        with pytest.raises(InvalidNameError, match="column"):
            check_columns(names)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (":memory:", None),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("/data/log.db", "/data/log.db"),
        ("sqlite:////data/log.db", "/data/log.db"),
        ("sqlite+aiosqlite:////data/log.db", "/data/log.db"),
    ],
)
def test_sqlite_is_named_by_path_or_url(text: str, path: str | None) -> None:
    """As the SDK's sessions name it."""
    assert parse(text, "eventlog") == SqliteAddress(path)


@pytest.mark.parametrize("driver", ["", "+asyncpg", "+psycopg"])
def test_postgresql_urls_may_name_any_driver(driver: str) -> None:
    """The log uses its own; passwords never show."""
    address = parse(f"postgresql{driver}://ana:s%40crt@host:5433/db?ssl=require", "log")
    assert isinstance(address, PostgresAddress)
    assert address.dsn.startswith("postgresql://ana:s%40crt@host:5433/db")
    assert "s%40crt" not in str(address)


@pytest.mark.parametrize("text", ["redis://h", "valkey://h", "mysql://h/d", "sqlite4://x", "://x"])
def test_other_schemes_are_refused(text: str) -> None:
    """A cache is no store, and what is not known is not guessed."""
    with pytest.raises(InvalidAddressError):
        parse(text, "eventlog")
