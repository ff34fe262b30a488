"""The statements of SQLite are what SQLAlchemy makes of them, and SQLAlchemy is not imported."""

import subprocess
import sys
from pathlib import Path

from tests.databases.generate import files

READING = """
import asyncio, sys
from eventlog import EventLog
from eventlog_projections import Conversation
from eventlog_projections.views import Views, conversations

async def main(path):
    async with EventLog(path) as log:
        chat = Conversation(log, "chat")
        await chat.add([{"role": "user", "content": "more"}])
        print(len(await chat.items()), len(await conversations(Views(log))))

asyncio.run(main(sys.argv[1]))
print(sorted({"sqlalchemy", "asyncpg", "redis", "cryptography", "alembic"} & {*sys.modules}))
"""


def test_the_generated_statements_are_those_that_are_compiled() -> None:
    """`python -m tests.databases.generate` writes them anew."""
    assert {file: file.read_text("utf-8") for file in files()} == files()


def test_a_log_in_a_file_is_used_without_sqlalchemy(tmp_path: Path) -> None:
    """Once it and its views are there: they are read, appended to, and brought up to date."""
    for length in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", READING, str(tmp_path / "log.db")],
            capture_output=True,
            text=True,
            check=True,
        )
        counted, imported = done.stdout.splitlines()
        assert counted == f"{length} 1"
    assert imported == "[]"
