"""The log as an ordinary session of the OpenAI Agents SDK."""

from adapters.openai_agents.session import EventLogSession

__all__ = ["EventLogSession"]
