"""Statements are what SQLAlchemy makes of them, and no program that runs on a log imports it."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from eventlog import EventLog, PostgresOptions
from eventlog.keys import new_key
from eventlog.store.postgres.statements import of
from eventlog.store.sql.compiling import marked
from eventlog.store.sql.schema import Dialect
from eventlog.store.sql.statement import SCHEMA, quoted
from eventlog.store.sqlite import statements as sqlite
from tests import processes
from tests.backends import Backend, PostgresBackend
from tests.databases.generate import NOUNS, STORE, Noun, files, modules, of_sql

DIALECTS: Final[tuple[Dialect, ...]] = ("sqlite", "postgresql")

USING: Final = """
import asyncio, sys
from eventlog import EventLog, PostgresOptions
from eventlog.keys import parse_keyring
from eventlog_projections import Conversation, erase, rebuild
from eventlog_projections.views import BUILT_IN, PLAIN_SEARCH, Views, conversations, search

async def main(url, schema, keyring):
    options = PostgresOptions(schema=schema)
    async with EventLog(url, postgres=options, keyring=parse_keyring(keyring)) as log:
        chat, views = Conversation(log, "chat"), Views(log, [*BUILT_IN, PLAIN_SEARCH])
        await chat.add([{"role": "user", "content": "a needle"}])
        await rebuild(log, "chat")
        await views.catch_up()
        items, found = await chat.items(), await search(views, "needle")
        events = [event async for event in log.feed()]
        await Conversation(log, "gone").add([{"role": "user", "content": "secret"}])
        await erase(log, "gone", by="ops", reason="request")
        await views.catch_up()
        checked = await log.verify()
        listed = [row.name async for row in log.streams()]
        assert checked.ok and events and listed == ["chat", "gone"], (checked, events, listed)
        print(len(items), len(found), len(await conversations(views)))

asyncio.run(main(*sys.argv[1:]))
print(sorted({"sqlalchemy", "alembic"} & {*sys.modules}))
"""


def test_the_generated_files_hold_what_is_compiled() -> None:
    """`make fix` writes them anew."""
    assert {file: file.read_text("utf-8") for file in files()} == files()


def test_a_function_that_builds_a_statement_is_generated() -> None:
    """What is marked is of a noun's module, which has no other public functions."""
    nouns = {module for noun in NOUNS for module in noun.modules}
    for name in set(modules()) - {"names"}:
        module = of_sql(name)
        found = {key for dialect in DIALECTS for key in marked(module, dialect)}
        assert bool(found) == (name in nouns), name
        public = {
            key
            for key, value in inspect.getmembers(module, inspect.isfunction)
            if value.__module__ == module.__name__ and not key.startswith("_")
        }
        assert name not in nouns or public == found


@pytest.mark.parametrize("noun", NOUNS, ids=[noun.name for noun in NOUNS])
def test_a_statement_that_is_generated_is_run_by_somebody(noun: Noun) -> None:
    """One that nobody names any more goes."""
    named = set(names_in(*STORE.glob("nouns/*.py")))
    by_database: dict[Dialect, Path] = {
        "sqlite": STORE / "sqlite",
        "postgresql": STORE / "postgres",
    }
    for dialect, folder in by_database.items():
        run = named | set(names_in(*folder.rglob("*.py")))
        assert set(noun.statements(dialect)) <= run


def names_in(*files: Path) -> Iterator[str]:
    """Return every attribute that the code names."""
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                yield node.attr


@pytest.mark.parametrize(
    "schema", ["eventlog", "Upper", 'a"b', "it's", SCHEMA, "ein Schema ü", "a.b"]
)
def test_a_schema_of_any_name_takes_the_place_of_the_placeholder(schema: str) -> None:
    """Quoted where it is a name, as it is where it is an argument."""
    found = [statement for noun in of(schema) for statement in noun.every().values()]
    assert all(f"{quoted(schema)}." in each.text or SCHEMA not in each.text for each in found)
    assert schema in [default for _, default in of(schema).views.is_ours.parameters]
    if schema != SCHEMA:
        assert not any(SCHEMA in each.text for each in found)


def test_statements_of_sqlite_name_no_schema() -> None:
    """It has none."""
    assert sqlite.LOG.page.text.startswith("SELECT events.stream_id")


async def test_a_log_is_used_without_sqlalchemy(backend: Backend) -> None:
    """Once it and its views are there: appended to, read, followed, verified and erased from."""
    assert await used(backend, backend.options.get("schema", "eventlog")) == "[]"


async def test_a_schema_of_any_name_is_used(postgres_url: str) -> None:
    """Statements, views, roles and migrations quote it alike."""
    backend = PostgresBackend(postgres_url)
    schema = backend.options["schema"] = f'It\'s "{backend.schema}".Ü'
    backend.schema = quoted(schema)
    try:
        assert await used(backend, schema) == "[]"
        async with EventLog(backend.url, postgres=PostgresOptions(schema=schema)) as log:
            assert (await log.verify()).warnings == ()
    finally:
        await backend.discard()


async def used(backend: Backend, schema: str) -> str:
    """Use a log in two processes; return what the second one has imported for it."""
    keyring = new_key("kek-1")
    imported = ""
    for length in (1, 2):
        arguments = (USING, backend.url, schema, keyring)
        status, output = await processes.output_of("-c", *arguments)
        assert status == 0, output
        counted, imported = output.splitlines()
        assert counted == f"{length} {length} 2"
    return imported
