"""Every example runs as a program of its own, offline, and prints what it is there to show."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import open_backend
from tests.faults.test_many_processes import served
from tests.waiting import PATIENCE

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLES: Final = ROOT / "examples"

PRINTED: Final = {
    "compaction": """
        what the model goes on from: 1
        what it stands for: 6
    """,
    "encrypted": """
        with the key: ['user', 'assistant']
        in the files: False
        without it:  Conversation 'secret' is encrypted
        erased:      3 events, by dpo because of gdpr-17
        left:        [] True
    """,
    "encrypted_session": """
        with the key: ['user', 'assistant']
        in the log:   [['__enc__', 'kid', 'payload', 'v'], ['__enc__', 'kid', 'payload', 'v']]
        after a pop with a wrong key: 0
        restored: 2
    """,
    "human_in_the_loop": """
        waits for a person: refund {"order":7}
        agent: Refunded.
        1: added by unknown
        2: added by agent:Support
        3: usage by agent:Support
        4: added by cleo, support
        5: added by cleo, support
        6: usage by cleo, support
    """,
    "import_old": """
        2 conversations, 4 items copied
        once more: 0 copied, 2 were there
        ada: 2 items
        bob: 2 items
    """,
    "input_callback": """
        Answer 1. The model was shown 1 messages.
        Answer 2. The model was shown 3 messages.
        Answer 3. The model was shown 3 messages.
        in the log: 6
    """,
    "streaming": """
        Once upon a time there was a log.
        1: added by unknown, 1 in the list
        2: added by agent:Narrator, 2 in the list
        3: usage by agent:Narrator, 2 in the list
    """,
    "undo_and_fork": """
        two turns: 4 items
        undone: 2
        again: 4
        in the fork: ['user', 'assistant', 'user', 'assistant']
        untouched: 4
        8 events, all as they were written: True
    """,
}

ELSEWHERE: Final = {"audit", "first_agent", "replay", "tamper", "usage"}
"""Tested with the demo and the documents that show them."""

SERVED: Final = {"several_users", "web_app"}


def test_every_example_is_tested() -> None:
    """A new one needs a test."""
    there = {path.stem for path in EXAMPLES.glob("*.py")}
    assert there == set(PRINTED) | ELSEWHERE | SERVED


def environment() -> dict[str, str]:
    """Return this one without a key: nothing is sent anywhere."""
    here = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    return {**here, "PYTHONPATH": str(ROOT)}


def run(folder: Path, name: str, *args: str) -> Sequence[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *args]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line.strip() for line in done.stdout.strip().splitlines()]


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_shows(name: str, tmp_path: Path) -> None:
    """In an empty folder, as a newcomer runs it."""
    assert run(tmp_path, name) == [line.strip() for line in PRINTED[name].strip().splitlines()]


def test_several_users_share_one_server(tmp_path: Path, postgres_url: str) -> None:
    """Each tenant has its own three conversations, whoever else is there."""
    lines = run(tmp_path, "several_users", postgres_url)
    assert [line.partition(":")[0] for line in lines] == ["acme", "globex"]
    for line in lines:
        assert "ada, bob, cleo" in line
        assert line.endswith("sound: True")


WEB_APP: Final = ("uvicorn", "--app-dir", str(EXAMPLES), "web_app:app", "--workers", "2")


async def test_the_workers_of_a_web_application_share_one_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one worker stores, every other one reads."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with open_backend("sqlite", tmp_path) as backend:
        command = (*WEB_APP, "--fd", "{fd}")
        with served(command, (backend,), EVENTLOG_URL=str(tmp_path / "web.db")) as port:
            url = f"http://127.0.0.1:{port}/chats/ada"
            for number in range(6):
                answer = await asyncio.to_thread(ask, url, {"text": f"Message {number}."})
                assert answer == {"answer": "I hear you."}
            items = await asyncio.to_thread(ask, f"{url}?limit=4", None)
            history = await asyncio.to_thread(ask, f"{url}/history", None)
    assert [item["role"] for item in items] == ["user", "assistant"] * 2
    assert [event["kind"] for event in history] == ["added", "added", "usage"] * 6


def ask(url: str, body: object) -> Any:
    content = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
        return json.load(answer)
