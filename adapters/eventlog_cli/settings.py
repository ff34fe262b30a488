"""The options of every command: address, tenant, schema, keyring, output format."""

import os
from typing import Any, NamedTuple

from eventlog import EventLog, InvalidInputError, PostgresOptions
from eventlog.keys import LocalKeyRing, keyring_from_environment, keyring_from_file
from eventlog.keys.ring import VARIABLE


class Settings(NamedTuple):
    """The options that all commands have."""

    db: str | None = None
    tenant: str = "default"
    schema: str = "eventlog"
    keyring: str | None = None
    as_json: bool = False

    @property
    def address(self) -> str:
        """Where the log is. Raises InvalidInputError where nobody said so."""
        if not self.db:
            raise InvalidInputError("Which log? Give --db PATH or URL, or set EVENTLOG_DB.")
        return self.db

    def keys(self) -> LocalKeyRing | None:
        """Read the keys of an encrypted log; None where none were given.

        Raises InvalidKeyRingError.
        """
        if self.keyring is not None:
            return keyring_from_file(self.keyring)
        return keyring_from_environment() if VARIABLE in os.environ else None

    def open(self, *, create: bool = False, **options: Any) -> EventLog:
        """Return the log; one that is not there is made with `create` only."""
        return EventLog(
            self.address,
            tenant=self.tenant,
            keyring=self.keys(),
            create=create,
            **options,
            postgres=PostgresOptions(schema=self.schema),
        )
