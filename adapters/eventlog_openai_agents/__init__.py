"""The log as an ordinary session of the OpenAI Agents SDK."""

try:
    import agents as _agents
except ImportError as error:
    raise ImportError(
        "The session of the OpenAI Agents SDK needs the SDK:"
        " pip install 'conversation-eventlog[agents]'."
    ) from error

from eventlog_openai_agents.hooks import EventLogHooks
from eventlog_openai_agents.recording import RecordedSession
from eventlog_openai_agents.session import EventLogSession

del _agents

__all__ = ["EventLogHooks", "EventLogSession", "RecordedSession"]
