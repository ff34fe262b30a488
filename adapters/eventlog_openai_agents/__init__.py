"""The log as an ordinary session of the OpenAI Agents SDK."""

try:
    import agents as _agents
except ImportError as error:
    raise ImportError(
        "The session of the OpenAI Agents SDK needs the SDK:"
        " pip install 'conversation-eventlog[agents]'."
    ) from error

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eventlog_openai_agents.hooks import EventLogHooks
from eventlog_openai_agents.session import EventLogSession

if TYPE_CHECKING:
    from eventlog_openai_agents.recording import RecordedSession

del _agents

__all__ = ["EventLogHooks", "EventLogSession", "RecordedSession"]

_ELSEWHERE = {"RecordedSession": "recording"}
"""What most programs do not use, and what may take long to import."""


def __getattr__(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE[name]}"), name)
