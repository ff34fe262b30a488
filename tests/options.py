"""Options of a log as a flat table, which tests pass on, and as EventLog takes them."""

from typing import Any

from eventlog import PostgresOptions, SqliteOptions


def grouped(**flat: Any) -> dict[str, Any]:
    """Put what concerns one database where it belongs."""
    groups: dict[str, dict[str, Any]] = {"sqlite": {}, "postgres": {}}
    rest: dict[str, Any] = {}
    for name, value in flat.items():
        if name in SqliteOptions.__struct_fields__:
            groups["sqlite"][name] = value
        elif name in PostgresOptions.__struct_fields__:
            groups["postgres"][name] = value
        else:
            rest[name] = value
    if groups["sqlite"]:
        rest["sqlite"] = SqliteOptions(**groups["sqlite"])
    if groups["postgres"]:
        rest["postgres"] = PostgresOptions(**groups["postgres"])
    return rest
