"""The questions of docs/questions.md, each answered by the commands that are named there.

Those of a newcomer and those of the author, each on a small log in which the answer is.
"""

import re
import shlex
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import Context, Event, EventLog, NewEvent
from eventlog.events import ModelCalled, digest
from eventlog.operations import place_hold
from eventlog_projections import Conversation, erase
from tests import usage
from tests.adapters.cli.conftest import ROOT, Eventlog
from tests.adapters.cli.shop import agent, looked_up, used, user

DOCUMENT: Final = (ROOT / "docs" / "questions.md").read_text("utf-8")
NEWCOMER, AUTHOR = (
    [
        (int(number), re.findall("`eventlog (.*?)`", row))
        for number, row in re.findall(r"^\| (\d+) \| (.*) \|$", part, re.MULTILINE)
    ]
    for part in DOCUMENT.split("\n## Twenty more\n")
)

OF_NEWCOMER: Final = {
    1: ["order-1001"],
    2: ["I am sorry"],
    3: ["order-1001"],
    4: ["a model was given 1 item", "version 2, 1 item"],
    5: ["version 3, 1 item", "1 item is the same, 0 went, 3 came"],
    6: ["order-1001-what-if 1 forked", "fork order-1001-what-if"],
    7: ["cleared by intern\n    emptied the list: wrong window"],
    8: ["cleared by intern"],
    9: ["VERIFIED"],
    10: ["order-1002 2 erased by dpo\n    erased by dpo: gdpr-17"],
    11: ["example.com/log+", "evidence.json proves order-1001", "VERIFIED  evidence.json"],
    12: ["incident-4711", "1 conversation written to for-cleo"],
    13: ["order-1001  case-7"],
    14: ["2026-10-31      1"],
    15: ["gpt-5      3    300", "cleo         1    100"],
    16: ["cost  last activity"],
    17: ["Where is my parcel?"],
    18: ["incident-4711 6 cleared by intern"],
    19: [
        "cleared  intern",
        "incident-4711 would have 4 items",
        "`eventlog restore incident-4711 6`",
    ],
    20: ["look_up_order      2        2       1          0  3.00 s   3.00 s"],
}
"""A fact of each answer."""

OF_AUTHOR: Final = {
    1: "chat-199",
    2: "chat-007",
    3: "parcel 199",
    4: "chat-199",
    5: "chat-007",
    6: "cleared",
    7: "a clean start",
    8: "look_up_order(order_id=",
    9: "went",
    10: "look_up_order(order_id=",
    11: "refund",
    12: "chat-199,",
    13: "parcel 7",
    14: "9,012",
    15: "chat-007",
    16: "look_up_order",
    17: "fork other",
    18: "VERIFIED",
    19: "takes it back",
    20: "other",
}


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 conversations of some agents; number 7 has a past."""
    path = tmp_path / "log.db"
    async with EventLog(path) as log:
        for number in range(200):
            chat = Conversation(log, f"chat-{number:03}")
            await chat.add([user(f"Where is parcel {number}?")], context=Context(actor="ada"))
        chat = Conversation(log, "chat-007")
        support = Context(actor="ada", agent="Support", run_id="r")
        await chat.add([*looked_up("7"), agent("You get a refund.")], context=support)
        await log.append("chat-007", NewEvent(used(9000), support))
        await chat.label(owner="ada")
        await chat.fork("other")
        await chat.clear(reason="a clean start", context=Context(actor="lin"))
        await chat.restore(2)
        await Conversation(log, "chat-199").add([agent("It is on its way.")])
    monkeypatch.setenv("EVENTLOG_DB", str(path))
    monkeypatch.setenv("FORCE_COLOR", "1")


class Year:
    """A log that is written at the times that it is told."""

    def __init__(self, path: Path) -> None:
        self.now = 0
        self.log: Final = EventLog(path, clock=lambda: self.now)

    def set(self, at: datetime | float) -> None:
        self.now = int((at.timestamp() if isinstance(at, datetime) else at) * 1e6)

    async def run(self, name: str, asked: str, *, by: Context, said: list[Any]) -> Conversation:
        """Ask and answer as a run with hooks does; its tools take three seconds."""
        chat = Conversation(self.log, name)
        await chat.add([user(asked)], context=Context(actor=by.actor, run_id=by.run_id))
        called = ModelCalled(input=[digest(user(asked))])
        events: list[Event] = [called, usage.used(100, 20, model="gpt-5")]
        await self.log.append(name, [NewEvent(each, by) for each in events])
        self.now += 3_000_000
        await chat.add(said, context=by)
        return chat


@pytest.fixture
async def year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some conversations of autumn, and one of which somebody complains just now."""
    year = Year(tmp_path / "log.db")
    async with year.log as log:
        year.set(datetime(2026, 9, 30, 20, 1, tzinfo=UTC))
        escalation = Context(actor="ada", agent="Escalation", run_id="1")
        said = [*looked_up("1001"), agent("I am sorry.")]
        order = await year.run("order-1001", "It arrived broken.", by=escalation, said=said)
        await order.fork("order-1001-what-if", at=1)
        await place_hold(log, "order-1001", "case-7", reason="a lawsuit")
        year.set(datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC))
        billing = Context(actor="bob", agent="Billing", run_id="2")
        await year.run("order-1003", "The bill?", by=billing, said=[agent("Here it is.")])
        await Conversation(log, "order-1002").add([user("Forget me.")])
        await erase(log, "order-1002", by="dpo", reason="gdpr-17")
        year.set(time.time() - 1800)
        support = Context(actor="cleo", agent="Support", run_id="3")
        call, _ = looked_up("4711")
        failed = {
            "type": "function_call_output",
            "call_id": "c1",
            "output": "An error occurred while running the tool. Please try again.",
        }
        said = [call, failed, agent("On its way.")]
        incident = await year.run("incident-4711", "Where is my parcel?", by=support, said=said)
        await incident.label(owner="cleo")
        await incident.clear(reason="wrong window", context=Context(actor="intern"))
    monkeypatch.setenv("EVENTLOG_DB", str(tmp_path / "log.db"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.chdir(tmp_path)


def answer(eventlog: Eventlog, command: str) -> str:
    result = eventlog(*shlex.split(command))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    assert result.exit_code == 0, (command, result.output)
    return shown


def test_every_question_of_a_newcomer_is_answered(year: None, eventlog: Eventlog) -> None:
    """In 80 columns, by the commands of the page one after the other, with the answer in each."""
    assert [number for number, _ in NEWCOMER] == list(range(1, 21))
    key = "KEY"
    for number, commands in NEWCOMER:
        for command, fact in zip(commands, OF_NEWCOMER[number], strict=True):
            shown = answer(eventlog, command.replace("KEY", key))
            assert fact in shown, (number, command, shown)
            if command.startswith("keys signing"):
                key = shown.strip()


def test_every_question_of_the_author_is_answered(shop: None, eventlog: Eventlog) -> None:
    """In 80 columns, by the command of the page, with the answer in it."""
    assert [number for number, _ in AUTHOR] == list(range(1, 21))
    for number, (command,) in AUTHOR:
        shown = answer(eventlog, command)
        assert OF_AUTHOR[number] in shown, (number, command, shown)
