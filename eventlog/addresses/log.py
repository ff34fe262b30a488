"""Where a log is: a SQLite file, a private memory database, or a schema on a PostgreSQL server."""

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from eventlog.errors import InvalidAddressError

if TYPE_CHECKING:
    from eventlog.addresses.url import Url

MEMORY: Final = ":memory:"

MAX_IDENTIFIER: Final = 63
"""PostgreSQL cuts off what a name has beyond so many bytes, without an error."""

_CACHES: Final = ("redis", "rediss", "valkey", "valkeys", "unix")


class SqliteAddress(NamedTuple):
    """A file by its absolute path, or a database that only its handle can see (path None).

    Text is for people: bytes of a name that are no UTF-8 are escaped in it.
    """

    path: str | None
    link: str | None = None
    """The absolute path that was given, if that goes through a symbolic link."""

    def __str__(self) -> str:
        return MEMORY if self.path is None else printable(self.path)


def printable(path: str) -> str:
    """Return a path as text that can be printed and sent."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


class PostgresAddress(NamedTuple):
    """A schema of a database."""

    url: "Url"
    schema: str

    @property
    def dsn(self) -> str:
        """The URL as libpq and asyncpg read it, with the password."""
        return self.url.render(hide_password=False)

    def __str__(self) -> str:
        return self.url.render(hide_password=True)


Address = SqliteAddress | PostgresAddress


def parse(url: str | os.PathLike[str], schema: str) -> Address:
    """Tell what `url` names: a path, `:memory:`, a sqlite or a postgresql URL.

    Raises InvalidAddressError for anything else.
    """
    try:
        text = os.fsdecode(url)
    except TypeError as error:
        raise InvalidAddressError(f"A log is named by a path or a URL, not by {url!r}.") from error
    if not text.strip() or "\x00" in text:
        raise InvalidAddressError(
            f"{url!r} names no database. Give the path of a SQLite file, ':memory:',"
            " or a URL like postgresql://user:password@host/database."
        )
    if "://" not in text:
        return _file(text)
    return _from_url(text, schema)


def _from_url(text: str, schema: str) -> Address:
    scheme = text.partition("://")[0].partition("+")[0].lower()
    if scheme in _CACHES:
        raise InvalidAddressError(
            f"{scheme}:// names a cache, which may forget at any time; a log needs a store."
            " Open the log on a SQLite file or a PostgreSQL URL."
        )
    if scheme not in ("sqlite", "postgresql", "postgres"):
        raise InvalidAddressError(
            f"{scheme}:// is not a store this log knows. Use a file path, sqlite:///path"
            " or postgresql://user:password@host/database."
        )
    from eventlog.addresses.url import Url  # A path is none, and is there sooner.

    try:
        url = Url.parse(text)
    except ValueError as error:
        raise InvalidAddressError(
            f"The {scheme} URL cannot be read. It looks like"
            " postgresql://user:password@host:5432/database; escape special characters in the"
            " password with %."
        ) from error
    if scheme == "sqlite":
        if url.host:
            raise InvalidAddressError(
                f"sqlite://{url.host} names a host, and a file has none: write sqlite:///log.db for"
                " a relative path, sqlite:////data/log.db for an absolute one."
            )
        return _file(url.database or MEMORY)
    for what, name in (("user", url.username), ("database", url.database)):
        if name is not None and len(name.encode()) > MAX_IDENTIFIER:
            raise InvalidAddressError(
                f"The {what} of the {scheme} URL has more than {MAX_IDENTIFIER} bytes: no {what} of"
                " PostgreSQL is called so."
            )
    return PostgresAddress(url, schema)


def _file(path: str) -> SqliteAddress:
    if path == MEMORY:
        return SqliteAddress(None)
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise InvalidAddressError(f"{path!r} is no path: no file can have that name.") from error
    given, real = os.path.abspath(path), os.path.realpath(path)
    return SqliteAddress(real, None if given == real else given)
