"""Runs the viewer until it is stopped."""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from eventlog.errors import InvalidAddressError
from eventlog_web.guard import Guard


async def serve(site: Guard, host: str, port: int, told: Callable[[int], None]) -> None:
    """Answer requests until SIGINT or SIGTERM; `told` gets the port once it can be reached.

    Port 0 takes a free one. Raises InvalidAddressError if it cannot listen there.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise InvalidAddressError(f"{host}:{port} cannot be listened on: {error}.") from error
    with listening:
        told(listening.getsockname()[1])
        await _Server(site).serve([listening])


class _Server(uvicorn.Server):
    """Ends the answers that follow the log before it ends itself."""

    def __init__(self, site: Guard) -> None:
        super().__init__(
            uvicorn.Config(
                site,
                log_level="warning",
                lifespan="off",
                timeout_graceful_shutdown=2,
                server_header=False,
            )
        )
        self._site = site

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._site.leave()
        super().handle_exit(sig, frame)
