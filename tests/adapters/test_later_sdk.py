"""A release of the SDK that moved what is private in it: we import, work, and lose nothing."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from agents import Agent, Runner
from agents.testing import ScriptedModel

from eventlog.events import ConversationRewound
from eventlog_openai_agents import EventLogSession
from eventlog_openai_agents.compaction import WithCompaction
from eventlog_session_conformance.agent import agent, say
from eventlog_session_conformance.stacking import SUMMARY, Compactor, compacting
from tests.processes import output_of

ADAPTERS: Final = Path(__file__).parents[2] / "adapters"

WITHOUT_SNAPSHOTS: Final = """
import asyncio
import agents.memory.session
del agents.memory.session._CompactionSnapshot

from agents.testing import ScriptedModel
from eventlog_openai_agents import EventLogSession
from eventlog_session_conformance.agent import agent, run, say
from eventlog_session_conformance.stacking import SUMMARY, Compactor, compacting

async def main():
    session = EventLogSession("user-123")
    model = ScriptedModel([[say("One.", "m1")]])
    await run(agent(model), "1?", session=compacting(session, Compactor()))
    assert await session._get_compaction_snapshot(5) is None
    assert await session.get_items() == [SUMMARY]
    print([event.kind async for event in session.log.read("user-123")])

asyncio.run(main())
"""


def said(content: object) -> Any:
    return {"role": "user", "content": content}


async def kinds(session: EventLogSession) -> list[str]:
    return [event.kind async for event in session.log.read("user-123")]


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session without the hooks that the SDK looks up by name."""
    for hook in ("_get_compaction_snapshot", "_atomic_replace_items"):
        monkeypatch.delattr(WithCompaction, hook)


class WhileAsked(Compactor):
    """Stands in for the API; somebody else adds an item while it makes the summary."""

    def __init__(self, other: EventLogSession) -> None:
        super().__init__()
        self._other: Final = other

    async def _compact(self, **request: Any) -> Any:
        await self._other.add_items([said("meanwhile")])
        return await super()._compact(**request)


@pytest.mark.usefixtures("public")
async def test_without_hooks_a_compaction_clears_and_adds(session: EventLogSession) -> None:
    """Two events instead of one; the transcript is what it was, and one event brings it back."""
    items = [said(number) for number in range(12)]
    await session.add_items(items)
    await compacting(session, Compactor()).run_compaction({"force": True})
    assert await session.get_items() == [SUMMARY]
    assert await kinds(session) == ["added", "cleared", "added"]
    assert await session.get_items(as_of=1) == items
    await session.log.append("user-123", ConversationRewound(1), expected_version=3)
    assert await session.get_items() == items


@pytest.mark.usefixtures("public")
async def test_without_hooks_runs_compact_by_themselves(session: EventLogSession) -> None:
    """The Runner has seen the whole history, so the summary replaces it, and the next goes on."""
    model = ScriptedModel([[say(f"{number}.", f"m{number}")] for number in range(2)])
    helper: Agent[Any] = agent(model)
    wrapped = compacting(session, Compactor())
    for question in ("0?", "1?"):
        await Runner.run(helper, question, session=wrapped)
    assert [call.input for call in model.calls][1] == [SUMMARY, said("1?")]
    assert await session.get_items() == [SUMMARY]
    assert await kinds(session) == ["added", "added", "cleared", "added"] * 2


@pytest.mark.usefixtures("public")
async def test_without_hooks_what_others_added_meanwhile_is_in_the_log_only(
    session: EventLogSession,
) -> None:
    """The protocol gives no way to tell it from what was summarised; it can be brought back."""
    items = [said(number) for number in range(4)]
    await session.add_items(items)
    other = EventLogSession("user-123", log=session.log)
    await compacting(session, WhileAsked(other)).run_compaction({"force": True})
    assert await session.get_items() == [SUMMARY]
    assert await session.get_items(as_of=2) == [*items, said("meanwhile")]


async def test_a_release_without_snapshots_is_imported_and_served() -> None:
    """The class that carries a snapshot is gone: the whole list is still replaced as one event."""
    status, output = await output_of("-c", WITHOUT_SNAPSHOTS)
    assert (status, output) == (0, "['added', 'added', 'replaced']\n")


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Walk over the names imported from the SDK, but those whose absence is provided for."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Try) and "ImportError" in "".join(map(ast.unparse, node.handlers)):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "agents":
            yield from ((node.module or "", name.name) for name in node.names)
        yield from imports(node)


@pytest.mark.parametrize("path", sorted(ADAPTERS.rglob("*.py")), ids=lambda path: path.stem)
def test_only_what_the_sdk_exports_is_imported_unguarded(path: Path) -> None:
    """A later release may move all that no `__all__` promises."""
    for module, name in imports(ast.parse(path.read_text())):
        assert name in importlib.import_module(module).__all__, f"from {module} import {name}"
