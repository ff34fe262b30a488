"""What an undo costs the views, by how long the conversation is: it should not matter."""

import contextlib
import functools
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from benchmarks.kit.filling import fill
from benchmarks.kit.harness import Call, Took
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Scenario, Timing
from eventlog import EventLog, PostgresOptions
from eventlog_openai_agents import EventLogSession
from eventlog_projections.views import Views

FLAT: Final = 1.3


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    short, long = scale.undone
    bars = (Bar(_of(long), _of(short), FLAT),)
    return [
        Timing(
            f"an undo in the views, {where}", functools.partial(opened, where=where), bars, calls=5
        )
        for where in ("SQLite", "PostgreSQL")
    ]


def _of(count: int) -> str:
    return f"conversation of {count:,} items"


@contextlib.asynccontextmanager
async def opened(place: Place, *, where: str) -> AsyncGenerator[Mapping[str, Call]]:
    """Have logs of one conversation each, and every view of it."""
    calls: dict[str, Call] = {}
    async with contextlib.AsyncExitStack() as stack:
        for count in place.scale.undone:
            name = f"undone_{count}"
            url = place.postgres_url if where == "PostgreSQL" else place.folder / f"{name}.db"
            log = EventLog(url, postgres=PostgresOptions(schema=name))
            session = EventLogSession("chat", log=await stack.enter_async_context(log))
            await fill(session, items(count))
            calls[_of(count)] = functools.partial(_undone, session, Views(log))
        yield calls


async def _undone(session: EventLogSession, views: Views) -> Took:
    """Undo a turn, and time how the views, which have seen it, come to know."""
    await session.add_items(items(2))
    await views.catch_up()
    await session.undo()
    await session.log.position()
    started = time.perf_counter()
    await views.catch_up()
    return Took(time.perf_counter() - started)
