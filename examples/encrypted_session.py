"""The SDK's EncryptedSession over ours: whoever reads the database sees envelopes.

.venv/bin/python examples/encrypted_session.py

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import os
from typing import Any

from agents import Agent, Runner, set_trace_processors
from agents.extensions.memory import EncryptedSession
from agents.testing import ScriptedModel, assistant_message

from eventlog_openai_agents import EventLogSession

DAY = 24 * 3600


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel([[assistant_message("I will not tell.")]])


async def main() -> None:
    agent = Agent(name="Confidant", instructions="Answer briefly.", model=model())
    ours = EventLogSession("secret", "conversations.db")
    # Its ttl hides what is older, ten minutes if it is not given; in the log everything stays.
    key = os.environ.get("EXAMPLE_KEY", "a key from your secret store")
    # Any: type checkers do not take its session_settings for those of a Session.
    session: Any = EncryptedSession("secret", ours, key, ttl=DAY)
    await Runner.run(agent, "My locker is number 7.", session=session)
    print("with the key:", [item.get("role") for item in await session.get_items()])
    print("in the log:  ", [sorted(item) for item in await ours.get_items()])

    version = await ours.log.version("secret")
    wrong = EncryptedSession("secret", ours, "a wrong key", ttl=DAY)
    await wrong.pop_item()
    print("after a pop with a wrong key:", len(await ours.get_items()))
    await ours.restore(version)
    print("restored:", len(await session.get_items()))


if __name__ == "__main__":
    asyncio.run(main())
