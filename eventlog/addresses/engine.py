"""Where an async engine of SQLAlchemy goes: the path or the URL of it, as a log takes one.

The URL is all that is used. The engine's pool, its transactions and what it gives its driver beside
the URL are its owner's.
"""

from typing import TYPE_CHECKING, Final

from eventlog.errors import InvalidAddressError, InvalidOptionError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

_OF_THE_DRIVER: Final = (
    "async_fallback",
    "command_timeout",
    "connect_timeout",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "prepare_threshold",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "statement_cache_size",
    "timeout",
)
"""How a driver waits and prepares: a log has options of its own for that."""


def address_of(engine: "AsyncEngine") -> str:
    """Return the path of its SQLite file or its PostgreSQL URL, with the password.

    Raises InvalidOptionError for what is no async engine, or one of a database in memory, and
    InvalidAddressError for one of another database.
    """
    if not hasattr(engine, "sync_engine"):
        raise InvalidOptionError(
            f"engine is an async engine of SQLAlchemy, not {type(engine).__name__}. Give what"
            " create_async_engine returns, or the path or URL of the database."
        )
    name = engine.url.get_backend_name()
    if name == "sqlite":
        return _path(engine.url)
    if name == "postgresql":
        return _url(engine.url)
    raise InvalidAddressError(
        f"The engine is of {name}; a log is kept in a SQLite file or on PostgreSQL. Give the path"
        " or the URL of one. What SQLAlchemySession has stored there can be imported:"
        " import_sessions(log, engine)."
    )


def _path(url: "URL") -> str:
    path = url.database
    if not path or path == ":memory:" or path.startswith("file:"):
        raise InvalidOptionError(
            "The engine is of a SQLite database in memory, or one that is named by a URI: a log"
            " cannot find that. Give an engine of a file, or leave engine out for a log in memory."
        )
    return path


def _url(url: "URL") -> str:
    """Write it as asyncpg reads one: several hosts in one text, and libpq's name for SSL."""
    query = {name: given for name, given in url.query.items() if name not in _OF_THE_DRIVER}
    if "ssl" in query:
        query["sslmode"] = query.pop("ssl")
    joined = {
        name: given if isinstance(given, str) else ",".join(given) for name, given in query.items()
    }
    plain = url.set(drivername="postgresql", query=joined)
    return plain.render_as_string(hide_password=False)
