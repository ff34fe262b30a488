"""The log as an ordinary session of the OpenAI Agents SDK."""

try:
    import agents as _agents
except ImportError as error:
    raise ImportError(
        "The session of the OpenAI Agents SDK needs the SDK:"
        " pip install 'conversation-eventlog[agents]'."
    ) from error

from typing import TYPE_CHECKING, Any

from adapters.openai_agents.session import EventLogSession

if TYPE_CHECKING:
    from adapters.openai_agents.importing import import_sessions

del _agents

__all__ = ["EventLogSession", "import_sessions"]


def __getattr__(name: str) -> Any:
    # What most programs do not use, and what takes long to import.
    if name == "import_sessions":
        from adapters.openai_agents.importing import import_sessions

        return import_sessions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
