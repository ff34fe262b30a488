"""A web application of several workers that share one log.

.venv/bin/uvicorn --app-dir examples web_app:app --workers 4
curl -d '{"text": "My name is Ada."}' -H 'Content-Type: application/json' localhost:8000/chats/ada

EVENTLOG_URL names the log: a file, or a postgresql:// URL for workers on several machines.
Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import os
from typing import Any

from agents import Agent, Runner, TResponseInputItem, set_trace_processors
from agents.testing import ScriptedModel, assistant_message
from fastapi import FastAPI
from pydantic import BaseModel

from eventlog import EventLog
from eventlog_openai_agents import EventLogSession

# Made at import, reached by the first request; each worker has connections of its own.
log = EventLog(os.environ.get("EVENTLOG_URL", "conversations.db"))
app = FastAPI()


class Message(BaseModel):
    """What a user says."""

    text: str


def agent() -> Agent[Any]:
    if "OPENAI_API_KEY" in os.environ:
        return Agent(name="Assistant", instructions="Answer briefly.")
    set_trace_processors([])
    model = ScriptedModel([[assistant_message("I hear you.")]])
    return Agent(name="Assistant", model=model)


@app.post("/chats/{name}")
async def say(name: str, message: Message) -> dict[str, str]:
    session = EventLogSession(name, log=log)
    result = await Runner.run(agent(), message.text, session=session)
    return {"answer": str(result.final_output)}


@app.get("/chats/{name}")
async def read(name: str, limit: int = 50) -> list[TResponseInputItem]:
    return await EventLogSession(name, log=log).get_items(limit)


@app.get("/chats/{name}/history")
async def history(name: str) -> list[dict[str, Any]]:
    session = EventLogSession(name, log=log)
    return [
        {"version": event.version, "kind": event.kind, "at": event.recorded_at, "by": event.actor}
        async for event in session.history()
    ]
