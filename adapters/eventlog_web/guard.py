"""What every request passes before anything answers it, and what every answer carries.

A browser may be led here by any page: a name that points to this machine (DNS rebinding) is told by
the Host header, a form of another site by Origin and by a token of ours.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eventlog.errors import InvalidOptionError

COOKIE: Final = "eventlog"

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Not no-referrer: a form would not say then that it is of this origin.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Access:
    """Who may use the viewer: which address it listens on, which names it answers to, which token.

    `hosts` are further names that a Host header may have, for a proxy. Raises InvalidOptionError
    for an address that others can reach, without a token, and for an empty token.
    """

    def __init__(
        self, host: str = "127.0.0.1", token: str | None = None, hosts: tuple[str, ...] = ()
    ) -> None:
        if token == "":
            raise InvalidOptionError("The token is empty: everybody has that one.")
        if not is_loopback(host) and token is None:
            raise InvalidOptionError(
                f"Whoever reaches {host} could read every conversation. Give --token-file, or"
                " listen on 127.0.0.1."
            )
        self.host: Final = host
        self.token: Final = token
        self._hosts = {"localhost", "127.0.0.1", "::1", host.lower(), *map(str.lower, hosts)}
        self._secret = secrets.token_bytes(32)

    def knows(self, host: str) -> bool:
        """Tell whether a Host header names this server."""
        end, inner = ("]", host[1:]) if host.startswith("[") else (":", host)
        name = inner.split(end, 1)[0]
        return name.lower() in self._hosts

    def admits(self, given: str | None) -> bool:
        """Tell whether this is the token, or none is needed."""
        if self.token is None:
            return True
        return given is not None and _is_same(given, self.token)

    def is_own(self, cookie: str | None) -> bool:
        """Tell whether a cookie was given for the token."""
        if self.token is None:
            return True
        return cookie is not None and _is_same(cookie, self.cookie())

    def cookie(self) -> str:
        """Return what a browser keeps instead of the token."""
        return hmac.new(self._secret, (self.token or "").encode(), hashlib.sha256).hexdigest()

    def form_token(self, actor: str = "") -> str:
        """Return what a form of this server carries, and no other site knows."""
        return hmac.new(self._secret, b"form" + actor.encode(), hashlib.sha256).hexdigest()

    def accepts_form(self, given: str) -> bool:
        """Tell whether a form is one of this server."""
        return _is_same(given, self.form_token())


def _is_same(given: str, secret: str) -> bool:
    """Compare in a time that tells nothing. Anything may be given, also what is no ASCII."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Lets through what may be answered, and gives every answer its headers."""

    def __init__(self, app: ASGIApp, access: Access, leave: Callable[[], None]) -> None:
        self._app = app
        self._access = access
        self.leave: Final = leave
        """Ends the answers that would not end by themselves; the server is about to stop."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the application do so."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _harden(message, scope)
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        if not self._access.knows(request.headers.get("host", "")):
            return PlainTextResponse(
                "This server does not answer to that name. Open it by its own address.", 421
            )
        if request.method not in ("GET", "HEAD") and not _is_same_origin(request.headers):
            return PlainTextResponse("Another site cannot ask for that.", 403)
        given = request.query_params.get("token")
        if self._access.token is not None and given is not None:
            return self._signed_in(request, given)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        is_known = self._access.is_own(request.cookies.get(COOKIE)) or (
            bool(bearer) and self._access.admits(bearer)
        )
        if is_known:
            return None
        return PlainTextResponse(
            "A token is needed: open the address that `eventlog web` printed.", 401
        )

    def _signed_in(self, request: Request, given: str) -> Response:
        if not self._access.admits(given):
            return PlainTextResponse("That is not the token.", 401)
        rest = urlencode([each for each in parse_qsl(request.url.query) if each[0] != "token"])
        path = "/" + request.url.path.lstrip("/")  # Two slashes would begin with another host.
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(COOKIE, self._access.cookie(), httponly=True, samesite="strict")
        return answer


def _is_same_origin(headers: Headers) -> bool:
    origin = headers.get("origin")
    return origin is not None and origin.split("://", 1)[-1] == headers.get("host")


def _harden(message: MutableMapping[str, Any], scope: Scope) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if not scope["path"].startswith("/static/"):
        headers.setdefault("cache-control", "no-store")
