"""docs/configuration.md is true: its tables have every setting of a log, with its default."""

import inspect
import re
from typing import Final

from eventlog import EventLog, PostgresOptions, SqliteOptions
from tests.docs import pages

DOCUMENT: Final = pages.text("docs/configuration.md")
NO_SETTINGS: Final = {"url", "clock", "sqlite", "postgres"}


def written(default: object) -> str:
    """Return a default as the page writes it."""
    if default is None:
        return "none"
    if isinstance(default, str):
        return f'`"{default}"`'
    if isinstance(default, bool):
        return f"`{default}`"
    if isinstance(default, int) and default >= 2**20:
        return f"{default // 2**20} MiB"
    return f"{default:g}"


def test_the_table_has_every_setting_and_its_default() -> None:
    """No more and no fewer, in the order of the constructor or not."""
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", DOCUMENT, re.MULTILINE))
    settings = {
        name: parameter.default
        for kind in (EventLog, PostgresOptions, SqliteOptions)
        for name, parameter in inspect.signature(kind).parameters.items()
        if name not in NO_SETTINGS
    }
    assert rows == {name: written(default) for name, default in settings.items()}
