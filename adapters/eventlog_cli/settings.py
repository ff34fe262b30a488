"""The options of every command, and where each value comes from.

What is typed counts first, then a variable, then `[tool.eventlog]` of the project's pyproject.toml,
then the user's config.toml.
"""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eventlog.errors import InvalidInputError, InvalidOptionError

if TYPE_CHECKING:
    from eventlog import EventLog
    from eventlog.keys import LocalKeyRing

VARIABLES: Final = {
    "db": "EVENTLOG_DB",
    "tenant": "EVENTLOG_TENANT",
    "schema": "EVENTLOG_SCHEMA",
    "keyring": "EVENTLOG_KEYRING",
    "actor": "EVENTLOG_ACTOR",
    "utc": "EVENTLOG_UTC",
}
DEFAULTS: Final = {"tenant": "default", "schema": "eventlog"}
PATHS: Final = ("db", "keyring")
"""Values that are relative to the file that names them."""

TRUE: Final = ("1", "true", "yes", "on")
FALSE: Final = ("0", "false", "no", "off", "")


class Value(NamedTuple):
    """A setting, and who said so."""

    value: str
    source: str


class Settings(NamedTuple):
    """What was typed before the command and behind it."""

    typed: tuple[tuple[str, Any], ...] = ()

    def having(self, name: str, value: Any) -> "Settings":
        """Return these with one more, which counts before those that were there."""
        return Settings(((name, value), *self.typed))

    def get(self, name: str) -> Value | None:
        """Return a setting. Raises InvalidOptionError for a file that cannot be read."""
        for typed, value in self.typed:
            if typed == name:
                return Value(str(value), f"--{name}")
        variable = VARIABLES[name]
        if variable in os.environ:
            return Value(os.environ[variable], variable)
        for path, found in files():
            if name in found:
                return Value(_resolved(name, found[name], path), path)
        return Value(DEFAULTS[name], "default") if name in DEFAULTS else None

    def _value(self, name: str) -> str | None:
        found = self.get(name)
        return None if found is None else found.value

    @property
    def as_json(self) -> bool:
        """Whether JSON is wanted."""
        return dict(self.typed).get("as_json") is True

    @property
    def is_utc(self) -> bool:
        """Whether times are printed, and taken, in UTC. Raises InvalidOptionError."""
        found = (self._value("utc") or "").lower()
        if found not in (*TRUE, *FALSE):
            raise InvalidOptionError(f"utc is true or false, not {found!r}.")
        return found in TRUE

    @property
    def schema(self) -> str:
        """Where PostgreSQL keeps the tables."""
        return self._value("schema") or DEFAULTS["schema"]

    @property
    def tenant(self) -> str:
        """Whose conversations."""
        found = self._value("tenant")
        return DEFAULTS["tenant"] if found is None else found

    @property
    def actor(self) -> str | None:
        """Who does what is done, if somebody said so."""
        return self._value("actor")

    @property
    def address(self) -> str:
        """Where the log is. Raises InvalidInputError where nobody said so."""
        found = self._value("db")
        if not found:
            raise InvalidInputError(
                "Which log? Give --db PATH or URL, set EVENTLOG_DB, or write db = PATH into"
                f" [tool.eventlog] of pyproject.toml or into {user_file()}."
            )
        return found

    def keys(self) -> "LocalKeyRing | None":
        """Read the keys of an encrypted log; None where none were given.

        Raises InvalidKeyRingError.
        """
        path = self._value("keyring")
        if path is None and "EVENTLOG_KEYS" not in os.environ:
            return None
        from eventlog.keys import keyring_from_environment, keyring_from_file

        return keyring_from_environment() if path is None else keyring_from_file(path)

    def open(self, *, create: bool = False, **options: Any) -> "EventLog":
        """Return the log; one that is not there is made with `create` only."""
        from eventlog import EventLog, PostgresOptions

        return EventLog(
            self.address,
            tenant=self.tenant,
            keyring=self.keys(),
            create=create,
            **options,
            postgres=PostgresOptions(schema=self.schema),
        )


def user_file() -> str:
    """Return the path of the user's configuration."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "eventlog", "config.toml")


def files() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what the project's file says, and the user's. Raises InvalidOptionError."""
    project = _project_file()
    if project is not None:
        yield project, _read(project).get("tool", {}).get("eventlog", {})
    if os.path.exists(user_file()):
        yield user_file(), _read(user_file())


def _project_file() -> str | None:
    """Return the nearest pyproject.toml that has a table of ours."""
    folder = os.getcwd()
    while True:
        path = os.path.join(folder, "pyproject.toml")
        if os.path.exists(path):
            with open(path, "rb") as file:
                if b"[tool.eventlog]" in file.read():
                    return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _read(path: str) -> dict[str, Any]:
    import tomllib  # Most projects name no log.

    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (OSError, ValueError) as error:
        raise InvalidOptionError(f"{path} cannot be read: {error}.") from error


def _resolved(name: str, value: Any, path: str) -> str:
    if not isinstance(value, str | bool):
        raise InvalidOptionError(f"{name} in {path} is a text, not {value!r}.")
    if name in PATHS and isinstance(value, str) and "://" not in value:
        return os.path.join(os.path.dirname(path), os.path.expanduser(value))
    return str(value)
