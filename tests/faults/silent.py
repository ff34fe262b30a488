"""A server that accepts connections and says nothing."""

import asyncio
from typing import Self


class Silent:
    """Listens on a port of its own while the block lasts; `left` once a client has hung up."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self._clients: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for client in self._clients:
            client.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            await reader.read()
        except ConnectionError:
            pass
        finally:
            self._clients.discard(writer)
            writer.transport.abort()
            self.left.set()
