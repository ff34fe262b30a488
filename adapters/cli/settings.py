"""What every command is told: which log, whose part of it, and how to print."""

from typing import NamedTuple


class Settings(NamedTuple):
    """The options that all commands have."""

    db: str | None = None
    tenant: str = "default"
    schema: str = "eventlog"
    as_json: bool = False
