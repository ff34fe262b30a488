"""What close() promises, where a session has one."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from eventlog_session_conformance.case import Bench, Collection, close, expect, expect_error, said

case: Final = Collection()


@case("memory/sqlite_session.py:453", "closes")
async def a_closed_session_refuses_every_call(it: Bench) -> None:
    """RuntimeError, also for add_items([]), and closing again is no error."""
    session = await it.session()
    await session.add_items([said(1)])
    await close(session)
    await close(session)
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "get_items()": session.get_items,
        "add_items()": lambda: session.add_items([said(2)]),
        "add_items([])": lambda: session.add_items([]),
        "pop_item()": session.pop_item,
        "clear_session()": session.clear_session,
    }
    for name, call in calls.items():
        await expect_error(call(), RuntimeError, f"{name} after close()")


@case("memory/sqlite_session.py:453", "closes", "shared")
async def a_close_ends_one_instance_only(it: Bench) -> None:
    """Another session of the same id goes on, and has all that was stored."""
    one, other = await it.session(), await it.session()
    await one.add_items([said(1)])
    await close(one)
    await other.add_items([said(2)])
    expect(await other.get_items(), [said(1), said(2)], "get_items() of the other instance")
