"""The URL of a database (RFC 3986), read without SQLAlchemy and as SQLAlchemy reads it."""

import re
from typing import Final, NamedTuple, Self
from urllib.parse import parse_qsl, quote, quote_plus, unquote

_SAFE: Final = " +"
"""What names and passwords keep as it is, so that SQLAlchemy writes the same URL."""

_USER: Final = re.compile(r"([^:/]*)(?::([^@]*))?@")
_HOST: Final = re.compile(r"(?:\[([^/?\]]+)\]|([^/:?]*))(?::([^/?]*))?")


class Url(NamedTuple):
    """The parts of a URL, decoded; `query` in the order in which it is written."""

    username: str | None
    password: str | None
    host: str
    port: int | None
    database: str | None
    query: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what follows `://`. Raises ValueError if the port is no number."""
        rest = text.partition("://")[2]
        username = password = None
        if user := _USER.match(rest):
            username, password = (None if part is None else unquote(part) for part in user.groups())
            rest = rest[user.end() :]
        found = _HOST.match(rest)
        v6, name, port = found.groups() if found else (None, "", None)
        path, _, query = rest[found.end() if found else 0 :].partition("?")
        return cls(
            username,
            password,
            v6 or name or "",
            None if port is None else int(port),
            unquote(path[1:], errors="surrogateescape") if path else None,
            # Stable: what is named several times keeps its order.
            tuple(sorted(parse_qsl(query), key=lambda pair: pair[0])),
        )

    def render(self, *, hide_password: bool) -> str:
        """Write it as libpq and asyncpg read it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        path = "" if self.database is None else "/" + quote(self.database, safe=f"{_SAFE}/")
        pairs = [
            (key, "***" if hide_password and "password" in key.lower() else quote_plus(value))
            for key, value in self.query
        ]
        query = "&".join(f"{quote_plus(key)}={value}" for key, value in pairs)
        user = self._user(hide_password=hide_password)
        return f"postgresql://{user}{host}{port}{path}{'?' * bool(query)}{query}"

    def _user(self, *, hide_password: bool) -> str:
        if self.username is None:
            return ""
        if self.password is None:
            return f"{quote(self.username, safe=_SAFE)}@"
        password = "***" if hide_password else quote(self.password, safe=_SAFE)
        return f"{quote(self.username, safe=_SAFE)}:{password}@"
