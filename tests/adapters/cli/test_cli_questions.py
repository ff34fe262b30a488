"""Twenty questions about a log of 200 conversations, each answered by the command that is named."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from eventlog import Context, EventLog, NewEvent
from eventlog_projections import Conversation
from tests.adapters.cli.conftest import ROOT, Eventlog
from tests.adapters.cli.shop import agent, looked_up, used, user

DOCUMENT: Final = (ROOT / "docs" / "questions.md").read_text("utf-8")
QUESTIONS: Final = re.findall(r"^\| (\d+) \| (.*) \| `eventlog (.*)` \|$", DOCUMENT, re.MULTILINE)

ANSWERS: Final = {
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


def test_every_question_is_answered(shop: None, eventlog: Eventlog) -> None:
    """In 80 columns, by the command of the page, with the answer in it."""
    assert [int(number) for number, _, _ in QUESTIONS] == list(range(1, 21))
    for number, question, command in QUESTIONS:
        result = eventlog(*shlex.split(command))
        shown = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
        assert result.exit_code == 0, (question, shown)
        assert ANSWERS[int(number)] in shown, (number, question, shown)
