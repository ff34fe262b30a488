"""EventLogHooks: records what only the hooks of a run are told in the log of its session."""

import logging
from typing import Any, Final

from agents import (
    Agent,
    AgentHookContext,
    ModelResponse,
    MultiProvider,
    OpenAIProvider,
    RunConfig,
    RunContextWrapper,
    RunHooks,
    Tool,
    TResponseInputItem,
)
from agents.models import get_default_model

from eventlog import EventLogError
from eventlog.events import ModelCalled, UsageRecorded, digest
from eventlog_openai_agents import usage
from eventlog_openai_agents.session import EventLogSession

_log: Final = logging.getLogger("eventlog.openai_agents")


class EventLogHooks(RunHooks[Any]):
    """Hooks of a run that record each model call in the conversation of `session`.

    Runner.run(agent, "Hello", session=session, hooks=EventLogHooks(session))

    Before a call, ModelCalled: the digests of its exact input. After it, UsageRecorded: what it
    used, with model and response id, so that the session does not count it again. One object serves
    any number of runs, one after another or at once. `run_config` is the one that the run is
    given, if it names a model or a provider: hooks are not told. `hooks` are called as if they were
    the run's.

    A fact that cannot be recorded does not stop the run: it is logged as an error and counted in
    `failures`. What a call used is then recorded with the next append of its run, without a model.
    """

    def __init__(
        self,
        session: EventLogSession,
        *,
        run_config: RunConfig | None = None,
        hooks: RunHooks[Any] | None = None,
    ) -> None:
        self.session: Final = session
        self.failures = 0
        self._config: Final = RunConfig() if run_config is None else run_config
        self._hooks: Final[RunHooks[Any]] = RunHooks() if hooks is None else hooks

    async def on_llm_start(
        self,
        context: RunContextWrapper[Any],
        agent: Agent[Any],
        system_prompt: str | None,
        input_items: list[TResponseInputItem],
    ) -> None:
        """Record the input, after the other hooks: they may still change it."""
        await self._hooks.on_llm_start(context, agent, system_prompt, input_items)
        usage.look(context)
        try:
            called = ModelCalled(
                input=[digest(item) for item in input_items],
                instructions=None if system_prompt is None else digest(system_prompt),
            )
            await self.session.record(called, agent=agent.name, wrapper=context)
        except EventLogError as error:
            self._failed(ModelCalled.kind, error)

    async def on_llm_end(
        self, context: RunContextWrapper[Any], agent: Agent[Any], response: ModelResponse
    ) -> None:
        """Record what the call used, before the other hooks: they may fail."""
        used = usage.of_call(
            context,
            response.usage,
            model=_name(agent, self._config),
            response_id=response.response_id,
        )
        try:
            with used as event:
                if event is not None:
                    await self.session.record(event, agent=agent.name, wrapper=context)
        except EventLogError as error:
            self._failed(UsageRecorded.kind, error)
        await self._hooks.on_llm_end(context, agent, response)

    async def on_agent_start(self, context: AgentHookContext[Any], agent: Agent[Any]) -> None:
        """Call the other hooks."""
        await self._hooks.on_agent_start(context, agent)

    async def on_agent_end(
        self, context: AgentHookContext[Any], agent: Agent[Any], output: Any
    ) -> None:
        """Call the other hooks."""
        await self._hooks.on_agent_end(context, agent, output)

    async def on_handoff(
        self, context: RunContextWrapper[Any], from_agent: Agent[Any], to_agent: Agent[Any]
    ) -> None:
        """Call the other hooks."""
        await self._hooks.on_handoff(context, from_agent, to_agent)

    async def on_tool_start(
        self, context: RunContextWrapper[Any], agent: Agent[Any], tool: Tool
    ) -> None:
        """Call the other hooks."""
        await self._hooks.on_tool_start(context, agent, tool)

    async def on_tool_end(
        self, context: RunContextWrapper[Any], agent: Agent[Any], tool: Tool, result: object
    ) -> None:
        """Call the other hooks."""
        await self._hooks.on_tool_end(context, agent, tool, result)

    def _failed(self, kind: str, error: EventLogError) -> None:
        self.failures += 1
        _log.error(
            "Conversation %r: what a hook of a run was told is not in the log (%s): %s",
            self.session.session_id,
            kind,
            error,
        )


def _name(agent: Agent[Any], config: RunConfig) -> str | None:
    """Return what the model of a run is called; None if it does not say, or its provider would."""
    model = config.model or agent.model
    if model is None and isinstance(config.model_provider, MultiProvider | OpenAIProvider):
        return get_default_model()
    named = model if isinstance(model, str) else getattr(model, "model", None)
    return str(named) if isinstance(named, str) else None
