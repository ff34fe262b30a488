"""docs/security.md says what the roles are granted."""

import re
from pathlib import Path
from typing import Final

from eventlog.store.sql import roles as role_sql
from eventlog.store.sql.roles import ERASER, GROUP, READER, SEQUENCER, WRITER

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
VERBS: Final = {"SELECT": "S", "INSERT": "I", "UPDATE": "U", "DELETE": "D"}


def told(role: str, table: str) -> str:
    """Return what a role may do with a table, as the page writes it."""
    may = [] if table in role_sql.HIDDEN.get(role, ()) else ["SELECT"]
    may += [role_sql.GRANTS[role][table]] if table in role_sql.GRANTS[role] else []
    text = ", ".join(may) or "none"
    for verb, letter in VERBS.items():
        text = text.replace(verb, letter)
    return text


def test_the_table_is_what_is_granted() -> None:
    """Every table, and of every role every verb and column."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCUMENT, re.MULTILINE))
    for table in role_sql.tables():
        cells = rows[table].split(" | ")
        assert cells[:4] == [told(role, table) for role in (WRITER, READER, SEQUENCER, ERASER)]
        is_own = table in (*role_sql.OF_STREAMS, "streams", "keys")
        assert cells[5] == ("own" if is_own else "all"), table
        if table != "streams":  # Granted to each tenant's role, not to their group.
            assert cells[4] == told(GROUP, table)
