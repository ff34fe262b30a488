"""A wire between a client and PostgreSQL that a test cuts at a message of its choice.

It reads the protocol's frames (https://www.postgresql.org/docs/current/protocol-message-formats.html)
just far enough to know which statement is run and when the server has committed it.
"""

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Literal, NamedTuple, Self

from sqlalchemy.engine import make_url

from tests import distributing

_SSL_REQUEST: Final = 80_877_103
_CANCEL_REQUEST: Final = 80_877_102

Where = Literal["request", "answer", "middle", "silence"]


APPEND: Final = "INSERT INTO" if distributing.kind() is None else ".append("
"""What a statement that appends has in its text."""

TOGETHER: Final = "unnest" if distributing.kind() is None else APPEND
"""What a statement has by which many append."""


class Cut(NamedTuple):
    """Where to cut a connection, once a statement that says `word` is run on it."""

    where: Where
    """Before the server gets the statement; once it is committed and before the client hears so; in
    the middle of the rows; or, instead of a cut, nothing is answered any more."""
    word: str
    then: Callable[[], Awaitable[object]] | None = None
    """What happens meanwhile, before the client notices."""


class Proxy:
    """Forwards connections to `upstream`; `cuts` are made one after the other."""

    def __init__(self, upstream: str) -> None:
        self._upstream = make_url(upstream)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self.cuts: deque[Cut] = deque()
        self.made = 0
        """How many cuts were made."""
        self.asked = 0
        """How many connections clients wanted."""
        self.settings: set[str] = set()
        """What clients set when they connect."""
        self.named: set[str] = set()
        """Statements that clients gave a name."""
        self.said: list[str] = []
        """The text of every statement."""
        self.refuses = False
        """Every new connection is closed at once."""

    @property
    def url(self) -> str:
        """The database, by way of this proxy."""
        url = self._upstream.set(host="127.0.0.1", port=self._port, query={})
        return url.render_as_string(hide_password=False)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        self.unplug()
        await asyncio.gather(*self._links, return_exceptions=True)
        await self._server.wait_closed()

    def lead_to(self, upstream: str) -> None:
        """Let new connections go to another server."""
        self._upstream = make_url(upstream)

    def unplug(self) -> None:
        """Cut every connection that there is."""
        for link in self._links:
            link.cancel()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        port = self._upstream.port or 5432
        folder = self._upstream.query.get("host")
        if isinstance(folder, str):
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._upstream.host, port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        try:
            # A link that was cancelled is one that was cut.
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                if not self.refuses:
                    await _Link(self, reader, writer).run()
        finally:
            self._links.discard(link)
            writer.transport.abort()


class _Link:
    """One connection, in both directions."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._from_client, self._to_client = reader, writer
        self._statements: dict[bytes, str] = {}
        self._cut: Cut | None = None

    async def run(self) -> None:
        startup = await self._startup()
        if _code(startup) != _CANCEL_REQUEST:
            self._proxy.settings |= {name.decode() for name in startup[8:-2].split(b"\0")[::2]}
        self._from_server, self._to_server = await self._proxy.connect()
        try:
            self._to_server.write(startup)
            if _code(startup) == _CANCEL_REQUEST:
                await self._to_server.drain()
                return
            await _first(self._requests(), self._answers())
        finally:
            self._to_server.transport.abort()

    async def _startup(self) -> bytes:
        """Return the first message, which has no type; there is no SSL on this wire."""
        while True:
            size = await self._from_client.readexactly(4)
            message = size + await self._from_client.readexactly(_length(size) - 4)
            if _code(message) != _SSL_REQUEST:
                return message
            self._to_client.write(b"N")

    async def _requests(self) -> None:
        while True:
            kind, frame = await _frame(self._from_client)
            if kind == b"P":
                name, text, _ = frame[5:].split(b"\0", 2)
                self._statements[name] = text.decode()
                self._proxy.said.append(text.decode())
                if name:
                    self._proxy.named.add(text.decode())
            elif kind == b"B":
                _, name, _ = frame[5:].split(b"\0", 2)
                self._arm(self._statements.get(name, ""))
            elif kind == b"Q":
                self._proxy.said.append(frame[5:-1].decode())
                self._arm(frame[5:-1].decode())
            if self._cut is not None and self._cut.where == "request":
                await self._happened()
                return
            self._to_server.write(frame)
            await self._to_server.drain()

    def _arm(self, statement: str) -> None:
        cuts = self._proxy.cuts
        if self._cut is None and cuts and cuts[0].word in statement:
            self._cut = cuts.popleft()

    async def _answers(self) -> None:
        held = b""
        while True:
            kind, frame = await _frame(self._from_server)
            where = None if self._cut is None else self._cut.where
            if where == "middle" and kind == b"D":
                self._to_client.write(frame[: len(frame) // 2])
                await self._to_client.drain()
                await self._happened()
                return
            if where in ("answer", "silence"):
                held += frame
                if kind != b"Z":
                    continue
                if frame[5:6] == b"I":  # No transaction is open any more: it is committed.
                    await self._happened()
                    if where == "answer":
                        return
                    await asyncio.Event().wait()
                frame, held = held, b""
            self._to_client.write(frame)
            await self._to_client.drain()

    async def _happened(self) -> None:
        assert self._cut is not None
        if self._cut.then is not None:
            await self._cut.then()
        self._proxy.made += 1


async def _frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    start = await reader.readexactly(5)
    return start[:1], start + await reader.readexactly(_length(start[1:]) - 4)


def _length(size: bytes) -> int:
    return int(struct.unpack("!i", size)[0])


def _code(message: bytes) -> int:
    return _length(message[4:8])


async def _first(*directions: Coroutine[Any, Any, None]) -> None:
    """Run until one of them ends, then end all."""
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
