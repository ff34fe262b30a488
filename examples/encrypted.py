"""Everything that holds content is encrypted, and erased for good when somebody asks for it.

.venv/bin/python examples/encrypted.py

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import os
from pathlib import Path

from agents import Agent, Runner, set_trace_processors
from agents.testing import ScriptedModel, assistant_message

from eventlog import Signer
from eventlog.errors import NoKeyError
from eventlog.keys import keyring_from_environment, new_key
from eventlog.operations import read_receipt
from eventlog_openai_agents import EventLogSession
from eventlog_projections import erase

DATABASE = Path("conversations.db")


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel([[assistant_message("I will not tell.")]])


def files() -> list[bytes]:
    return [path.read_bytes() for path in Path().glob(f"{DATABASE}*")]


async def main() -> None:
    agent = Agent(name="Confidant", instructions="Answer briefly.", model=model())
    # In earnest the key lies where the database does not, and is made once.
    os.environ.setdefault("EXAMPLE_KEYS", new_key("2026-11"))
    keyring = keyring_from_environment("EXAMPLE_KEYS")
    async with EventLogSession("secret", DATABASE, keyring=keyring) as session:
        await Runner.run(agent, "My locker is number 7.", session=session)
        print("with the key:", [item.get("role") for item in await session.get_items()])
    print("in the files:", any(b"locker" in content for content in files()))

    async with EventLogSession("secret", DATABASE) as session:
        try:
            await session.get_items()
        except NoKeyError as error:
            print("without it: ", str(error).partition(".")[0])

    async with EventLogSession("secret", DATABASE, keyring=keyring) as session:
        signer = Signer.generate("example.com/log")
        done = await erase(session.log, "secret", by="dpo", reason="gdpr-17", signer=signer)
        receipt = read_receipt(done.receipt or "", signer.verifier)
        (erased,) = receipt.streams
        print("erased:     ", erased.events, "events, by", erased.by, "because of", erased.reason)
        print("left:       ", await session.get_items(), (await session.log.verify()).ok)


if __name__ == "__main__":
    asyncio.run(main())
