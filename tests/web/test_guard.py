"""Who is answered, and what every answer carries."""

import re
from typing import Final
from urllib.parse import quote, urlencode

import pytest
from starlette.types import ASGIApp

from eventlog import EventLog
from eventlog.errors import InvalidOptionError
from eventlog_projections import Conversation
from eventlog_web import Access, build
from tests.backends import Backend
from tests.browser import shop
from tests.web.asking import HOST, ask

PAGES: Final = (
    "/",
    f"/c/{shop.NAME}",
    f"/diff/{shop.NAME}?a=v2&b=v5",
    f"/branches/{shop.NAME}",
    f"/charts/{shop.NAME}",
    "/c/nothing",
    "/nowhere",
    f"/c/{shop.NAME}?at=yesterday",
)
DATA: Final = ("rows", "items", "event", "raw", "seal")


@pytest.mark.parametrize("address", [*PAGES, *(f"/{each}/{shop.NAME}?v=2" for each in DATA)])
async def test_every_answer_forbids_what_is_not_ours(app: ASGIApp, address: str) -> None:
    """Pages, data, and answers that are errors."""
    answer = await ask(app, address)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("address", PAGES)
async def test_pages_have_nothing_inline(app: ASGIApp, address: str) -> None:
    """No script, style or handler that a policy would have to make an exception for."""
    text = (await ask(app, address)).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    assert not re.search(r'\b(?:src|action)="(?:\w+:)?//', text)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4747", "127.0.0.1.evil.example", "", "[::2]:4747"]
)
async def test_another_name_is_not_answered(app: ASGIApp, host: str) -> None:
    """A name that somebody points to this machine: DNS rebinding."""
    answer = await ask(app, "/", headers={"host": host})
    assert answer.status == 421
    assert shop.NAME not in answer.text


@pytest.mark.parametrize("host", ["localhost:4747", "127.0.0.1", "[::1]:4747", "LOCALHOST"])
async def test_own_names_are_answered(app: ASGIApp, host: str) -> None:
    """With a port and without."""
    assert (await ask(app, "/", headers={"host": host})).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "log.example"])
def test_other_addresses_need_a_token(host: str) -> None:
    """Whoever reaches it could read everything."""
    with pytest.raises(InvalidOptionError):
        Access(host)
    assert Access(host, "secret").knows(f"{host}:4747" if ":" not in host else f"[{host}]:4747")


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_an_empty_token_is_none(host: str) -> None:
    """A file that nothing was written to lets nobody in."""
    with pytest.raises(InvalidOptionError):
        Access(host, "")


async def test_token_is_asked_for_and_not_kept_in_the_address(opened: EventLog) -> None:
    """It becomes a cookie that no script can read, and leaves the address."""
    app = build(opened, Access("127.0.0.1", "secret"))
    assert (await ask(app, "/")).status == 401
    assert (await ask(app, "/?token=wrong")).status == 401
    answer = await ask(app, f"/c/{shop.NAME}?token=secret&at=v3")
    assert answer.status == 303
    assert answer.headers["location"] == f"/c/{shop.NAME}?at=v3"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "secret" not in cookie
    assert (await ask(app, "/", headers={"cookie": cookie.split(";")[0]})).status == 200
    assert (await ask(app, "/", headers={"authorization": "Bearer secret"})).status == 200
    assert (await ask(app, "/", headers={"cookie": "eventlog=secret"})).status == 401
    assert (await ask(app, "/static/viewer.css")).status == 401


@pytest.mark.parametrize("said", ["ключ", "secret\u00a0", "\udc80", ""])
async def test_a_token_in_any_letters_is_refused(opened: EventLog, said: str) -> None:
    """As a wrong one is: it is compared, and no error."""
    app = build(opened, Access("127.0.0.1", "secret"))
    given = said.encode("utf-8", "surrogateescape")
    header = given.decode("latin-1")
    assert (await ask(app, f"/?token={quote(given)}")).status == 401
    assert (await ask(app, "/", headers={"cookie": f"eventlog={header}"})).status == 401
    assert (await ask(app, "/", headers={"authorization": f"Bearer {header}"})).status == 401
    assert not Access().accepts_form(said)


async def test_the_way_back_from_a_token_leads_to_this_server(opened: EventLog) -> None:
    """A path of two slashes would name another one."""
    app = build(opened, Access("127.0.0.1", "secret"))
    answer = await ask(app, "/%2Fevil.example/?token=secret")
    assert answer.headers["location"] == "/evil.example/"


async def test_nothing_can_be_changed_unless_it_was_allowed(app: ASGIApp, opened: EventLog) -> None:
    """Neither by the address that would, nor by the log that it has."""
    body = urlencode({"at": "v3", "actor": "eve", "form": Access().form_token()}).encode()
    answer = await ask(
        app,
        f"/restore/{shop.NAME}",
        method="POST",
        body=body,
        headers={"origin": f"http://{HOST}"},
    )
    assert answer.status == 403
    assert await opened.version(shop.NAME) == 14


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({}, "own"),
        ({"origin": "https://evil.example"}, "own"),
        ({"origin": "null"}, "own"),
        ({"origin": f"http://{HOST}"}, "other"),
        ({"origin": f"http://{HOST}"}, ""),
    ],
)
async def test_another_site_changes_nothing(
    filled: Backend, headers: dict[str, str], form: str
) -> None:
    """A form must come from a page of this server, and carry what only that knows."""
    async with filled.open() as log:
        access = Access()
        app = build(log, access, allow_changes=True)
        token = {"own": access.form_token(), "other": Access().form_token(), "": ""}[form]
        body = urlencode({"at": "v3", "actor": "eve", "form": token}).encode()
        answer = await ask(app, f"/restore/{shop.NAME}", method="POST", body=body, headers=headers)
        assert answer.status == 403
        assert await log.version(shop.NAME) == 14


async def test_what_is_allowed_is_done_and_says_who(filled: Backend) -> None:
    """A restore and a fork are events like any others."""
    async with filled.open() as log:
        access = Access()
        app = build(log, access, allow_changes=True)

        async def change(what: str, **fields: str) -> str:
            form = {"at": "v11", "actor": "sam", "form": access.form_token(), **fields}
            answer = await ask(
                app,
                f"/{what}/{shop.NAME}",
                method="POST",
                body=urlencode(form).encode(),
                headers={"origin": f"http://{HOST}"},
            )
            assert answer.status == 303, answer.text
            return answer.headers["location"]

        assert await change("restore", reason="undo the clear") == f"/c/{shop.NAME}"
        (last,) = await log.read(shop.NAME, after=14).all()
        assert last.kind == "rewound"
        assert last.context.actor == "sam"
        assert await change("fork", branch="again") == f"/c/{shop.NAME}?branch=again"
        again = Conversation(log, shop.NAME, "again")
        assert len(await again.items()) == 8


async def test_a_change_without_a_name_is_refused(filled: Backend) -> None:
    """Who did it is recorded, so somebody has to say so."""
    async with filled.open() as log:
        access = Access()
        app = build(log, access, allow_changes=True)
        answer = await ask(
            app,
            f"/restore/{shop.NAME}",
            method="POST",
            body=urlencode({"at": "v3", "form": access.form_token()}).encode(),
            headers={"origin": f"http://{HOST}"},
        )
        assert answer.status == 400
        assert await log.version(shop.NAME) == 14


async def test_another_tenant_is_not_there(filled: Backend) -> None:
    """One tenant per server: what others have cannot be asked for."""
    async with filled.open(read_only=True, tenant="other") as log:
        app = build(log, Access())
        assert (await ask(app, f"/c/{shop.NAME}")).status == 404
        assert shop.NAME not in (await ask(app, "/")).text
        assert (await ask(app, "/conversations")).lines == []
