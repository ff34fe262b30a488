"""docs/configuration.md is true: its table has every setting of a log, with its default."""

import inspect
import re
from typing import Final

from eventlog import EventLog
from tests.docs import pages

DOCUMENT: Final = pages.text("docs/configuration.md")
FOR_TESTS: Final = {"url", "clock"}


def written(default: object) -> str:
    """Return a default as the page begins to write it; a unit may follow."""
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
    settings = inspect.signature(EventLog).parameters
    assert set(rows) == set(settings) - FOR_TESTS
    for name, default in rows.items():
        assert default.removesuffix(" s") == written(settings[name].default), name
