"""Several users at once on one PostgreSQL: a tenant a customer, a conversation a user.

.venv/bin/python examples/several_users.py postgresql://user:password@host/database

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import os
import sys

from agents import Agent, Runner, set_trace_processors
from agents.testing import ScriptedModel, assistant_message

from eventlog import EventLog, EventLogError
from eventlog_openai_agents import EventLogSession

USERS = ("ada", "bob", "cleo")


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel([[assistant_message("Hello!")], [assistant_message("Fine.")]])


async def talk(log: EventLog, user: str) -> None:
    session = EventLogSession(user, log=log, actor=user)
    agent = Agent(name="Assistant", instructions="Answer briefly.", model=model())
    for question in (f"I am {user}.", "How are you?"):
        await Runner.run(agent, question, session=session)


async def main(url: str) -> None:
    for tenant in ("acme", "globex"):
        # Logs of one database share its connections; a tenant sees nothing of another's.
        async with EventLog(url, tenant=tenant) as log:
            await asyncio.gather(*[talk(log, user) for user in USERS])
            names = [stream.name async for stream in log.streams()]
            checked = await log.verify()
            print(f"{tenant}: {', '.join(names)}; {checked.events} events, sound: {checked.ok}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1]))
    except EventLogError as error:
        sys.exit(str(error))
