"""Names and addresses, without a database."""

import pytest

from eventlog.addresses.log import PostgresAddress, SqliteAddress, parse
from eventlog.errors import InvalidAddressError, InvalidNameError
from eventlog.format.names import MAX_BYTES, check_name


@pytest.mark.parametrize("name", ["a", "ü" * (MAX_BYTES // 2), "a b\n", "../x"])
def test_a_name_is_any_text_that_databases_keep(name: str) -> None:
    """And comes back as it is."""
    assert check_name("session_id", name) == name


@pytest.mark.parametrize("name", ["", "\x00", "\udfff", "ü" * (MAX_BYTES // 2 + 1), b"a", 1, None])
def test_what_no_database_keeps_is_no_name(name: object) -> None:
    """The message says which parameter it was."""
    with pytest.raises(InvalidNameError, match="session_id"):
        check_name("session_id", name)


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
