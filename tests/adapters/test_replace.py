"""Programs of the SDK's sessions run on ours: another import, another constructor, nothing else."""

import asyncio
import inspect
import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import agents
import pytest
from agents import SQLiteSession
from agents.extensions import memory
from agents.extensions.memory import EncryptedSession
from sqlalchemy.engine import make_url

from eventlog import UnavailableError
from eventlog_openai_agents import EventLogSession
from tests.adapters.remote import dapr, mongo

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

OURS: Final = "from eventlog_openai_agents import EventLogSession"


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


@pytest.mark.parametrize("name", ["sqlite", "postgres"])
def test_a_program_with_an_engine_runs(
    name: str, tmp_path: Path, capsys: Any, postgres_url: str
) -> None:
    """The engine is the program's: it goes on using it, and disposes of it."""
    server = make_url(postgres_url).set(drivername="postgresql+asyncpg")
    at_server = server.render_as_string(hide_password=False)

    def lines(path: Path) -> dict[str, str]:
        url = f"sqlite+aiosqlite:///{path}" if name == "sqlite" else at_server
        return {"setup": f"engine = create_async_engine({url!r})", "close": close}

    imports = "from sqlalchemy.ext.asyncio import create_async_engine"
    close = "await session.engine.dispose()"
    drop = "async with engine.begin() as used: await used.run_sync(session._metadata.drop_all)"
    tables = {
        f"{kind}_table": f"{kind}_{uuid.uuid4().hex[:8]}" for kind in ("sessions", "messages")
    }
    said = output_of(
        capsys,
        imports=f"{imports}\nfrom agents.extensions.memory import SQLAlchemySession",
        session=f"SQLAlchemySession('chat', engine=engine, create_tables=True, **{tables})",
        **{**lines(tmp_path / "theirs.db"), "close": f"{drop}\n    {close}"},
    )
    assert said == output_of(
        capsys,
        imports=f"{imports}\n{OURS}",
        session=f"EventLogSession('chat', engine=engine, tenant={uuid.uuid4().hex!r})",
        **lines(tmp_path / "ours.db"),
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
    make: Any = EventLogSession
    for option in ({"ttl": 60}, {"create_tables": True}, {"sessions_table": "s"}):
        with pytest.raises(TypeError, match=next(iter(option))):
            make("chat", tmp_path / "log.db", **option)


def test_a_ttl_is_a_rule_that_erases_and_says_so(tmp_path: Path, redis_url: str) -> None:
    """As there, every write begins the time anew, and reading does not."""
    from agents.extensions.memory import RedisSession
    from redis.asyncio import Redis

    from eventlog import EventLog
    from eventlog_openai_agents import EventLogSession
    from eventlog_projections import RetentionRule, apply_retention

    ttl = 60
    hello: Any = {"role": "user", "content": "Hi"}

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


ITEMS: Final[Any] = [{"role": "user", "content": f"item {number}"} for number in range(5)]


@pytest.mark.parametrize("options", [{"ttl": 60}, {"ttl": -1}, {"max_scan_items": 3}])
async def test_an_encrypted_session_answers_over_ours_as_over_theirs(
    options: dict[str, int],
) -> None:
    """What has expired is hidden, and no more is read than it may."""
    answers: list[list[Any]] = []
    for underlying in (SQLiteSession("chat"), EventLogSession("chat")):
        session: Any = EncryptedSession("chat", underlying, "a key", **options)
        await session.add_items(ITEMS)
        answers.append([await answer(session, limit) for limit in (None, 0, 2, 3, 4)])
        answers[-1].append(await session.pop_item())
        underlying.close()
    assert answers[0] == answers[1]


async def answer(session: Any, limit: int | None) -> Any:
    try:
        return await session.get_items(limit)
    except RuntimeError as error:
        return str(error)


REPLACED: Final = [
    "SQLiteSession",
    "AsyncSQLiteSession",
    "AdvancedSQLiteSession",
    "SQLAlchemySession",
    "RedisSession",
]


KEPT: Final = [
    "EncryptedSession",
    "OpenAIResponsesCompactionSession",
    "OpenAIConversationsSession",
    "DaprSession",
    "MongoDBSession",
]


@pytest.mark.parametrize("name", [*REPLACED, *KEPT])
def test_every_argument_of_theirs_is_in_the_table(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every session that the SDK ships; a release of it that has more makes this fail."""
    theirs = class_of(name, monkeypatch)
    makers = [theirs.__init__]
    makers += [getattr(theirs, maker) for maker in dir(theirs) if maker.startswith("from_")]
    names = {
        parameter.name
        for maker in makers
        for parameter in inspect.signature(maker).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    assert not missing(name, names - {"self", "cls"})


@pytest.mark.parametrize("name", REPLACED)
def test_every_method_of_those_that_are_replaced_is_in_the_table(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release of the SDK that has more makes this fail."""
    methods = {method for method in dir(class_of(name, monkeypatch)) if not method.startswith("_")}
    assert not missing(name, methods)


def test_every_session_of_the_sdk_is_in_the_table() -> None:
    """A release that ships another one makes this fail."""
    shipped = {
        name
        for module in (agents, memory)
        for name in module.__all__
        if name.endswith("Session") and not name.startswith("Session")
    }
    no_stores = {"OpenAIResponsesCompactionAwareSession", "ResponsesWebSocketSession"}
    assert shipped == {*REPLACED, *KEPT, *no_stores}


def class_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    if name == "DaprSession":
        return dapr.session_class(monkeypatch)
    if name == "MongoDBSession":
        return mongo.session_class(monkeypatch)
    return getattr(agents, name, None) or getattr(memory, name)


def missing(name: str, names: set[str]) -> set[str]:
    told = " ".join(row[1] for row in rows() if f"`{name}`" in row[0])
    return {one for one in names if not re.search(rf"[`(]{one}\b", told)}
