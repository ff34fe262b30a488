"""What was erased, what is encrypted, what was changed: each is told as what it is."""

from starlette.types import ASGIApp

from eventlog import EventLog
from eventlog.keys import new_key, parse_keyring
from eventlog_projections import Conversation, erase, erase_event
from eventlog_web import Access, build
from tests.backends import Backend
from tests.browser import shop
from tests.web.asking import ask


async def test_erased_event_says_what_the_log_knows_of_it(filled: Backend) -> None:
    """By whom, why, and by which event; nothing of what it was."""
    async with filled.open() as log:
        await erase_event(log, shop.NAME, 7, by="privacy office", reason="gdpr-17")
        app = build(log, Access())
        rows = (await ask(app, f"/rows/{shop.NAME}")).lines
        row = next(each for each in rows if each["v"] == 7)
        assert row["x"] is True
        assert row["n"] == 1
        last = rows[-1]
        assert (last["k"], last["a"], last["w"]) == ("redacted", "privacy office", "gdpr-17")
        drawn = (await ask(app, f"/items/{shop.NAME}?from=7&to=7")).json
        assert "destroyed for good" in drawn["7"][0]
        shown = (await ask(app, f"/event/{shop.NAME}?v=7")).json
        assert shown["erased"] is True
        assert "content" not in shown


async def test_erased_conversation_is_still_a_page(filled: Backend) -> None:
    """With every event that there was."""
    async with filled.open() as log:
        await erase(log, shop.NAME, by="privacy office", reason="gdpr-17")
        app = build(log, Access())
        answer = await ask(app, f"/c/{shop.NAME}")
        assert answer.status == 200
        assert "4111" not in answer.text
        rows = (await ask(app, f"/rows/{shop.NAME}")).lines
        assert len(rows) == 15
        assert "4111" not in str(rows)


async def test_encrypted_log_shows_what_its_keyring_opens(backend: Backend) -> None:
    """All of it with the keys; without them that there is something, and why it cannot be read."""
    backend.keyring = parse_keyring(new_key("kek-1"))
    async with backend.open(clock=shop.seconds()) as log:
        await shop.fill(log)
        assert "Hello Ada!" in (await ask(build(log, Access()), f"/c/{shop.NAME}")).text
    backend.keyring = None
    async with backend.open(read_only=True) as log:
        app = build(log, Access())
        answer = await ask(app, f"/c/{shop.NAME}")
        assert answer.status == 200
        assert "Ada" not in answer.text
        rows = (await ask(app, f"/rows/{shop.NAME}")).lines
        assert len(rows) == 14
        assert all("encrypted" in each["e"] for each in rows)
        for way in ("diff", "branches", "charts"):
            answer = await ask(app, f"/{way}/{shop.NAME}")
            assert "Traceback" not in answer.text
            assert answer.status < 500


async def test_changed_event_hides_no_other(filled: Backend) -> None:
    """The page, the rows, the items: all but the one are there."""
    await filled.tamper("UPDATE {}events SET body = ? WHERE version = 7", b"\xff not JSON")
    async with filled.open(read_only=True) as log:
        app = build(log, Access())
        assert (await ask(app, f"/c/{shop.NAME}")).status == 200
        assert (await ask(app, f"/c/{shop.NAME}?at=v8")).status == 200
        rows = (await ask(app, f"/rows/{shop.NAME}")).lines
        assert [each["v"] for each in rows if "e" in each] == [7]
        drawn = (await ask(app, f"/items/{shop.NAME}?from=1&to=14")).json
        assert "unreadable" in drawn["7"][0]
        assert "Leipzig" in drawn["5"][0]
        found = (await ask(app, f"/seal/{shop.NAME}")).lines[-1]
        assert found["state"] == "broken"
        assert found["faults"][0]["version"] == 7


async def test_fork_shows_what_it_began_with(filled: Backend) -> None:
    """Items of its parent are version 0, and came by the first event."""
    async with filled.open() as log:
        await Conversation(log, shop.NAME).fork(shop.NAME, branch="again", at=5)
        app = build(log, Access())
        (row,) = (await ask(app, f"/rows/{shop.NAME}?branch=again")).lines
        assert row["k"] == "forked"
        assert row["b"] == [[0, 0, 5]]
        drawn = (await ask(app, f"/items/{shop.NAME}?branch=again&from=0&to=0")).json
        assert len(drawn["0"]) == 5
        assert "Leipzig" in "".join(drawn["0"])


async def test_rows_behind_a_version_are_those_behind_it(app: ASGIApp, opened: EventLog) -> None:
    """What a lost connection goes on with."""
    rows = (await ask(app, f"/rows/{shop.NAME}?after=12")).lines
    assert [each["v"] for each in rows] == [13, 14]
    assert await opened.version(shop.NAME) == 14
