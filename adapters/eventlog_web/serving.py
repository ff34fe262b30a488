"""Runs the viewer until it is stopped."""

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from eventlog.errors import InvalidAddressError


async def serve(app: ASGIApp, host: str, port: int, told: Callable[[int], None]) -> None:
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
        config = uvicorn.Config(
            app,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        await uvicorn.Server(config).serve([listening])
