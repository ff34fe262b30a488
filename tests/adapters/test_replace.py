"""Programs of the SDK's sessions run on ours: another import, another constructor, nothing else."""

import asyncio
import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import pytest

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "openai-agents.md"

PROGRAM: Final = """
import asyncio

from agents import Agent, Runner, SessionSettings
from agents.testing import ScriptedModel, assistant_message
{imports}


async def main():
    {setup}
    session = {session}
    model = ScriptedModel([[assistant_message(text)] for text in ("Hello.", "Fine.", "Bye.")])
    agent = Agent(name="Helper", model=model)
    for question in ("Hi", "How are you?"):
        result = await Runner.run(agent, question, session=session)
        print(result.final_output)
    print(await session.get_items())
    print(await session.get_items(2), await session.get_items(limit=0))
    session.session_settings = SessionSettings(limit=1)
    print(await session.get_items())
    session.session_settings = SessionSettings()
    print(await session.pop_item(), await session.pop_item())
    await session.add_items([{{"role": "user", "content": text}} for text in ("Größe", "x")])
    await session.add_items([])
    print(len(await session.get_items()), session.session_id)
    await Runner.run(agent, "Bye", session=session)
    await session.clear_session()
    print(await session.get_items(), await session.pop_item())
    {close}


asyncio.run(main())
"""

OURS: Final = "from adapters.openai_agents import EventLogSession"


def output_of(capsys: Any, **lines: str) -> str:
    """Run a program made of the common lines and of these."""
    lines = {"setup": "pass", "close": "session.close()", **lines}
    exec(compile(PROGRAM.format(**lines), "program", "exec"), {"__name__": "__main__"})
    said: str = capsys.readouterr().out
    return said


def test_a_program_of_sqlite_session_runs(tmp_path: Path, capsys: Any) -> None:
    """With a file, and with the settings of its constructor; its close is not awaited."""
    theirs, ours = tmp_path / "theirs.db", tmp_path / "ours.db"
    said = output_of(
        capsys,
        imports="from agents import SQLiteSession",
        session=f"SQLiteSession('chat', {str(theirs)!r}, session_settings=None)",
    )
    assert said == output_of(
        capsys,
        imports=OURS,
        session=f"EventLogSession('chat', {str(ours)!r}, session_settings=None)",
    )


def test_a_program_of_sqlite_session_in_memory_runs(capsys: Any) -> None:
    """Without a path there is no file."""
    said = output_of(
        capsys, imports="from agents import SQLiteSession", session="SQLiteSession('chat')"
    )
    assert said == output_of(capsys, imports=OURS, session="EventLogSession('chat')")


def test_a_program_of_async_sqlite_session_runs(tmp_path: Path, capsys: Any) -> None:
    """Its close is awaited."""
    theirs, ours = tmp_path / "theirs.db", tmp_path / "ours.db"
    said = output_of(
        capsys,
        imports="from agents.extensions.memory import AsyncSQLiteSession",
        session=f"AsyncSQLiteSession('chat', {str(theirs)!r})",
        close="await session.close()",
    )
    assert said == output_of(
        capsys,
        imports=OURS,
        session=f"EventLogSession('chat', {str(ours)!r})",
        close="await session.close()",
    )


def test_a_program_of_advanced_sqlite_session_runs(tmp_path: Path, capsys: Any) -> None:
    """Keywords only, and tables of its own that it has to be told to create."""
    theirs, ours = tmp_path / "theirs.db", tmp_path / "ours.db"
    said = output_of(
        capsys,
        imports="from agents.extensions.memory import AdvancedSQLiteSession",
        session="AdvancedSQLiteSession(session_id='chat', "
        f"db_path={str(theirs)!r}, create_tables=True, session_settings=None)",
    )
    assert said == output_of(
        capsys,
        imports=OURS,
        session=f"EventLogSession(session_id='chat', db_path={str(ours)!r}, session_settings=None)",
    )


def test_a_program_of_sqlalchemy_session_runs(
    tmp_path: Path, capsys: Any, postgres_url: str
) -> None:
    """By its URL, on SQLite and on PostgreSQL; the tables are created at the first use."""
    said = output_of(
        capsys,
        imports="from agents.extensions.memory import SQLAlchemySession",
        session="SQLAlchemySession.from_url('chat', "
        f"url='sqlite+aiosqlite:///{tmp_path / 'theirs.db'}', create_tables=True)",
        close="await session.engine.dispose()",
    )
    for url in (f"sqlite:///{tmp_path / 'ours.db'}", postgres_url):
        assert said == output_of(
            capsys,
            imports=OURS,
            session=f"EventLogSession.from_url('chat', url={url!r}, tenant={uuid.uuid4().hex!r})",
            close="await session.close()",
        )


def test_a_program_of_redis_session_runs(tmp_path: Path, capsys: Any, redis_url: str) -> None:
    """The log is in a database; the Redis goes on as what processes remember together."""
    prefix = uuid.uuid4().hex
    said = output_of(
        capsys,
        imports="from agents.extensions.memory import RedisSession",
        session=f"RedisSession.from_url('chat', url={redis_url!r}, key_prefix={prefix!r})",
        close="await session.close()",
    )
    log = f"EventLog({str(tmp_path / 'ours.db')!r}, tenant={prefix!r}, redis={redis_url!r})"
    assert said == output_of(
        capsys,
        imports=f"{OURS}\nfrom eventlog import EventLog",
        setup=f"log = {log}",
        session="EventLogSession('chat', log=log)",
        close="await session.close(); await log.close()",
    )


def test_prefixes_and_tables_are_tenants(tmp_path: Path) -> None:
    """Conversations of one name in two of them are two."""
    from adapters.openai_agents import EventLogSession

    async def run() -> None:
        one = EventLogSession("chat", tmp_path / "log.db", tenant="one")
        two = EventLogSession("chat", tmp_path / "log.db", tenant="two")
        await one.add_items([{"role": "user", "content": "Hi"}])
        assert await two.get_items() == []
        await one.close()
        await two.close()

    asyncio.run(run())


def test_whether_the_database_answers_is_asked_of_the_log(tmp_path: Path) -> None:
    """In the place of ping: an error says what is wrong."""
    from adapters.openai_agents import EventLogSession
    from eventlog import UnavailableError

    async def run() -> None:
        session = EventLogSession("chat", tmp_path / "log.db")
        assert await session.log.version("chat") == 0
        await session.close()
        lost = EventLogSession("chat", tmp_path / "missing" / "log.db")
        with pytest.raises(UnavailableError):
            await lost.log.version("chat")

    asyncio.run(run())


def test_what_has_no_counterpart_is_refused(tmp_path: Path) -> None:
    """Never silently ignored."""
    from adapters.openai_agents import EventLogSession

    make: Any = EventLogSession
    for option in ({"ttl": 60}, {"engine": None}, {"sessions_table": "s"}, {"key_prefix": "p"}):
        with pytest.raises(TypeError, match=next(iter(option))):
            make("chat", tmp_path / "log.db", **option)


def test_a_ttl_is_a_rule_that_erases_and_says_so(tmp_path: Path, redis_url: str) -> None:
    """As there, every write begins the time anew, and reading does not."""
    from agents.extensions.memory import RedisSession
    from redis.asyncio import Redis

    from adapters.openai_agents import EventLogSession
    from eventlog import EventLog
    from projections import RetentionRule, apply_retention

    ttl, hello = 60, cast(Any, {"role": "user", "content": "Hi"})

    async def theirs() -> None:
        async with Redis.from_url(redis_url) as client:
            prefix = uuid.uuid4().hex
            session = RedisSession("chat", redis_client=client, key_prefix=prefix, ttl=ttl)
            messages = f"{prefix}:chat:messages"
            await session.add_items([hello])
            await client.pexpire(messages, 5_000)
            await session.get_items()
            assert await client.pttl(messages) <= 5_000
            await session.add_items([hello])
            assert 5_000 < await client.pttl(messages) <= ttl * 1000

    async def ours() -> None:
        now = 1_700_000_000
        log = EventLog(tmp_path / "log.db", clock=lambda: now * 1_000_000)
        rules = [RetentionRule("ttl", timedelta(seconds=ttl))]
        session = EventLogSession("chat", log=log)
        await session.add_items([hello])
        for passed in (0, ttl - 1):
            now += passed
            await session.add_items([hello])
        now += ttl
        assert (await apply_retention(log, rules), len(await session.get_items())) == (
            {"ttl": []},
            3,
        )
        now += 1
        (gone,) = (await apply_retention(log, rules))["ttl"]
        assert (gone.session_id, gone.disposition) == ("chat", "erased")
        assert await session.get_items() == []
        assert (await log.read("chat").all())[-1].kind == "erased"
        await log.close()

    asyncio.run(theirs())
    asyncio.run(ours())


def rows() -> list[list[str]]:
    """Return the cells of the table of every session."""
    lines = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_every_row_of_the_table_names_a_test_that_exists() -> None:
    """A feature that the document promises is shown by a test."""
    tests = "".join(
        path.read_text("utf-8") for path in Path(__file__).parents[1].rglob("test_*.py")
    )
    named = [row[-1] for row in rows()]
    assert len(named) > 40
    for name in named:
        function = re.fullmatch(r"`(test_\w+)`", name)
        assert function is not None, name
        assert f"def {function[1]}(" in tests, name


REPLACED: Final = [
    "SQLiteSession",
    "AsyncSQLiteSession",
    "AdvancedSQLiteSession",
    "SQLAlchemySession",
    "RedisSession",
]


@pytest.mark.parametrize("name", REPLACED)
def test_every_argument_and_method_of_theirs_is_in_the_table(name: str) -> None:
    """A release of the SDK that has more makes this fail."""
    import inspect

    import agents
    from agents.extensions import memory

    theirs: Any = getattr(agents, name, None) or getattr(memory, name)
    functions = [theirs.__init__, getattr(theirs, "from_url", theirs.__init__)]
    names = {
        parameter.name
        for function in functions
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    names |= {method for method in dir(theirs) if not method.startswith("_")}
    told = " ".join(row[1] for row in rows() if f"`{name}`" in row[0])
    missing = {one for one in names - {"self", "cls"} if not re.search(rf"[`(]{one}\b", told)}
    assert not missing
