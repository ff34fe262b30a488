"""What is asked for and is not there: a page that says so, and what to do."""

from pathlib import Path

import pytest
from starlette.types import ASGIApp

from eventlog import EventLog, ItemsAdded
from eventlog_web import Access, build
from tests.backends import Backend
from tests.browser import shop
from tests.web.asking import ask


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/c/nobody", 404, "There is no conversation"),
        (f"/c/{shop.NAME}?branch=nowhere", 404, "has no branch"),
        (f"/c/{shop.NAME}?at=v99", 400, "has no version 99"),
        (f"/c/{shop.NAME}?at=soon", 400, "is no version and no time"),
        (f"/c/{shop.NAME}?at=2025-11-22T10:00", 400, "has no time zone"),
        (f"/diff/{shop.NAME}?a=v99", 400, "has no version 99"),
        (f"/items/{shop.NAME}?from=-1", 400, "is a number"),
        (f"/rows/{shop.NAME}?after=" + "9" * 40, 400, "is a number"),
        ("/c/", 400, "session_id"),
        ("/c/%00", 400, "session_id"),
        ("/nowhere", 404, "no page at this address"),
        ("/static/none.js", 404, "no page at this address"),
    ],
)
async def test_it_is_said_what_is_wrong(app: ASGIApp, address: str, status: int, said: str) -> None:
    """Never a traceback, never an empty conversation."""
    answer = await ask(app, address)
    assert answer.status == status
    assert said in answer.text
    assert "All conversations" in answer.text
    assert "Traceback" not in answer.text


async def test_a_file_that_is_no_log(tmp_path: Path) -> None:
    """The page says so; nothing is made of it."""
    path = tmp_path / "shopping.db"
    path.write_text("milk, bread")
    async with EventLog(path, read_only=True) as log:
        answer = await ask(build(log, Access()), "/")
    assert answer.status >= 400
    assert "shopping.db" in answer.text
    assert path.read_text() == "milk, bread"


async def test_a_log_of_another_release(filled: Backend) -> None:
    """A newer one is not guessed at."""
    await filled.execute("UPDATE {}eventlog_version SET version_num = '9999'")
    async with filled.open(read_only=True) as log:
        answer = await ask(build(log, Access()), "/")
    assert answer.status >= 400
    assert "does not know" in answer.text


@pytest.mark.parametrize("name", [".", "..", "a/b", "x?y=1#z", "%2F", "é 日本", "<b>&\"'"])
async def test_any_name_has_an_address(backend: Backend, name: str) -> None:
    """Whatever is in it: what the list links to is that conversation."""
    async with backend.open(clock=shop.seconds()) as log:
        await log.append(name, ItemsAdded([{"role": "user", "content": "hello"}]))
        app = build(log, Access())
        (row,) = (await ask(app, "/conversations")).lines
        assert row["name"] == name
        answer = await ask(app, row["href"])
        assert answer.status == 200
        assert "hello" in answer.text
