"""What a session is and says of itself: the protocol, its settings, the run's wrapper."""

# ruff: noqa: D401 - the docstring of a case is its promise

import inspect
import unittest
from typing import Any, Final, cast

from agents import RunContextWrapper, Session, SessionSettings

from eventlog_session_conformance.case import (
    Bench,
    BrokenPromiseError,
    Collection,
    contents,
    expect,
    said,
)

case: Final = Collection()

_METHODS: Final = ("get_items", "add_items", "pop_item", "clear_session")


@case("memory/session.py:52")
async def is_a_session(it: Bench) -> None:
    """It has the attributes and the four coroutine methods of the protocol."""
    session: Any = await it.session()
    if not isinstance(session, Session):
        raise BrokenPromiseError("the session", "an agents.Session", type(session).__name__)
    expect(session.session_id, it.id, "session_id is what the session was made with")
    reading = session.get_items()
    if not inspect.isawaitable(reading):
        came = type(reading).__name__
        raise BrokenPromiseError("what get_items() returns", "something to await", came)
    await reading


@case("memory/session.py:60")
async def settings_can_be_read_and_assigned(it: Bench) -> None:
    """What is assigned to session_settings is read back; None takes a limit away."""
    session = await it.session()
    expect(
        getattr(session.session_settings, "limit", None), None, "the limit of a session without one"
    )
    session.session_settings = SessionSettings(limit=1)
    expect(getattr(session.session_settings, "limit", None), 1, "the limit that was assigned")
    session.session_settings = None
    await session.add_items([said(1), said(2)])
    expect(len(await session.get_items()), 2, "the number of items after settings of None")


@case("memory/session_settings.py:18")
async def settings_limit_a_read_without_a_limit(it: Bench) -> None:
    """Without a limit of its own, a read takes the one of the settings."""
    session = await it.session()
    await session.add_items([said(n) for n in range(5)])
    session.session_settings = SessionSettings(limit=2)
    expect(contents(await session.get_items()), [3, 4], "get_items() with a default of 2")
    expect(contents(await session.get_items(None)), [3, 4], "get_items(None) with a default of 2")
    session.session_settings = SessionSettings(limit=0)
    expect(await session.get_items(), [], "get_items() with a default of 0")


@case("memory/session_settings.py:18")
async def a_limit_beats_the_settings(it: Bench) -> None:
    """An explicit limit counts, be it smaller or bigger than the default."""
    session = await it.session()
    await session.add_items([said(n) for n in range(5)])
    session.session_settings = SessionSettings(limit=2)
    for limit, expected in ((1, [4]), (4, [1, 2, 3, 4]), (2_147_483_647, [0, 1, 2, 3, 4])):
        expect(contents(await session.get_items(limit)), expected, f"get_items({limit}), default 2")


@case("memory/session_settings.py:18", "shared")
async def settings_belong_to_one_instance(it: Bench) -> None:
    """A limit that one session has by default does not reach another of the same id."""
    one, other = await it.session(), await it.session()
    await one.add_items([said(1), said(2)])
    one.session_settings = SessionSettings(limit=1)
    expect(contents(await other.get_items()), [1, 2], "get_items() of an instance without settings")


@case("memory/session_settings.py:67", "settings_from_dict")
async def settings_as_a_dict_are_coerced(it: Bench) -> None:
    """The Runner reads `.limit` of the settings, so a dict does not stay one."""
    session = await it.session()
    session.session_settings = cast(Any, {"limit": 1})
    expect(getattr(session.session_settings, "limit", "no attribute"), 1, "session_settings.limit")


@case("run_internal/session_persistence.py:453")
async def a_pop_ignores_the_settings(it: Bench) -> None:
    """A session that shows nothing by default still pops its last item."""
    session = await it.session()
    await session.add_items([said(1), said(2)])
    session.session_settings = SessionSettings(limit=0)
    expect(await session.pop_item(), said(2), "pop_item() with a default limit of 0")


@case("memory/session.py:192")
async def all_four_methods_take_the_wrapper_or_none(it: Bench) -> None:
    """The Runner hands a session its context only if every method has a `wrapper`."""
    session = await it.session()
    taking = [name for name in _METHODS if _takes_wrapper(getattr(session, name))]
    if taking and len(taking) < len(_METHODS):
        raise BrokenPromiseError("methods with a wrapper", "all four or none", ", ".join(taking))


@case("memory/session.py:236")
async def a_wrapper_changes_no_result(it: Bench) -> None:
    """With the run's wrapper the four methods do what they do without."""
    session: Any = await it.session()
    if not all(_takes_wrapper(getattr(session, name)) for name in _METHODS):
        raise unittest.SkipTest("the session takes no wrapper, and need not")
    wrapper = RunContextWrapper[Any](context=None)
    await session.add_items([said(1), said(2), said(3)], wrapper=wrapper)
    expect(contents(await session.get_items(2, wrapper=wrapper)), [2, 3], "get_items(2, wrapper=)")
    expect(await session.pop_item(wrapper=wrapper), said(3), "pop_item(wrapper=)")
    await session.clear_session(wrapper=wrapper)
    expect(await session.get_items(), [], "get_items() after clear_session(wrapper=)")


def _takes_wrapper(method: Any) -> bool:
    parameter = inspect.signature(method).parameters.get("wrapper")
    return parameter is not None and parameter.kind in (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
