"""An agent whose model is a script, what a run of it leaves, and a session that fails on demand."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from agents import (
    Agent,
    FunctionTool,
    ModelSettings,
    RunConfig,
    Runner,
    RunState,
    Session,
    SessionSettings,
    TResponseInputItem,
    function_tool,
)
from agents.testing import ScriptedModel, assistant_message, function_call

QUIET: Final = RunConfig(tracing_disabled=True)


@function_tool
def weather(city: str) -> str:
    """Say how warm it is."""
    return f"{city}: 21 °C"


def charging(charged: list[int]) -> FunctionTool:
    """Make a tool that a person must approve, and that notes each time it is used."""

    @function_tool(needs_approval=True)
    def charge(order: int) -> str:
        """Charge for an order."""
        charged.append(order)
        return f"order {order} charged"

    return charge


def agent(model: ScriptedModel, *tools: FunctionTool, **options: Any) -> Agent[Any]:
    """Make an agent that says what the script says."""
    options = {"name": "Helper", "model_settings": ModelSettings(), **options}
    return Agent[Any](model=model, tools=list(tools), **options)


def ask_weather(city: str, call_id: str) -> Any:
    """Make the model's call of the weather tool."""
    return function_call("weather", {"city": city}, call_id=call_id)


def ask_charge() -> Any:
    """Make the model's call of the tool that a person must approve."""
    return function_call("charge", {"order": 7}, call_id="charge_1")


def say(text: str, item_id: str = "msg_1") -> Any:
    """Make a message of the model."""
    return assistant_message(text, item_id=item_id)


async def run(helper: Agent[Any], given: Any, **options: Any) -> Any:
    """Run an agent, without tracing unless told otherwise."""
    options = {"run_config": QUIET, **options}
    return await Runner.run(helper, given, **options)


async def stream(helper: Agent[Any], given: Any, **options: Any) -> Any:
    """Do what `run` does, as a stream read to its end."""
    options = {"run_config": QUIET, **options}
    result = Runner.run_streamed(helper, given, **options)
    async for _ in result.stream_events():
        pass
    return result


Run = Callable[..., Awaitable[Any]]
"""`run`, or `stream`."""


def kinds(items: list[Any]) -> list[str]:
    """Return the type of each item, or its role."""
    return [str(item.get("type") or item.get("role")) for item in items]


async def pause(session: Session) -> str:
    """Run until a person must approve a tool; return the state as stored text."""
    asking = ScriptedModel([[ask_charge()]])
    paused = await run(agent(asking, charging([])), "Charge order 7", session=session)
    return json.dumps(paused.to_state().to_json())


async def approve(state: str, session: Any, charged: list[int]) -> "Resumable":
    """Restore a stored state, approve what it waits for, and make it ready to go on."""
    helper = agent(ScriptedModel([[say("Charged.", "msg_done")]]), charging(charged))
    restored: RunState[Any, Agent[Any]] = await RunState.from_json(helper, json.loads(state))
    for call in restored.get_interruptions():
        restored.approve(call)
    return Resumable(helper, restored, session)


class Resumable:
    """A run that was approved and may be begun again after it failed."""

    def __init__(self, helper: Agent[Any], state: RunState[Any, Agent[Any]], session: Any) -> None:
        self.helper: Final = helper
        self.state: Final = state
        self.session: Final = session

    async def resume(self) -> Any:
        """Go on from the state."""
        return await run(self.helper, self.state, session=self.session)

    async def stored_and_restored(self, session: Session) -> "Resumable":
        """Go through JSON, as another process would, to the same conversation."""
        stored = json.dumps(self.state.to_json())
        state: RunState[Any, Agent[Any]] = await RunState.from_json(self.helper, json.loads(stored))
        return Resumable(self.helper, state, session)


class Fallible:
    """A session in front of another, whose next add fails before or after the other one's add."""

    def __init__(self, inner: Session, fail: Callable[[], Any]) -> None:
        self.session_id = inner.session_id
        self.when: Literal["before", "after", "never"] = "never"
        self._inner: Final = inner
        self._fail: Final = fail

    @property
    def session_settings(self) -> SessionSettings | None:
        """The other one's settings."""
        return self._inner.session_settings

    @session_settings.setter
    def session_settings(self, value: SessionSettings | None) -> None:
        self._inner.session_settings = value

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """Read from the other."""
        return await self._inner.get_items(limit)

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Add to the other, unless it is to fail before that."""
        when, self.when = self.when, "never"
        if when == "before":
            await self._failing()
        await self._inner.add_items(items)
        if when == "after":
            await self._failing()

    async def pop_item(self) -> TResponseInputItem | None:
        """Pop from the other."""
        return await self._inner.pop_item()

    async def clear_session(self) -> None:
        """Clear the other."""
        await self._inner.clear_session()

    async def _failing(self) -> None:
        await self._fail()


async def lost() -> None:
    """Fail as a lost connection does."""
    raise OSError("the connection was lost")
