"""The address of a Redis: a URL, or a client that its owner closes."""

from typing import Any, Final

from eventlog.errors import InvalidOptionError

PATIENCE: Final = 1.0
"""Seconds after which a Redis that does not answer counts as broken."""


class RedisAddress:
    """A Redis; equal if given as the same URL or client. Its repr shows no password."""

    def __init__(self, given: Any) -> None:
        if isinstance(given, str):
            _check(given)
        self.given: Final = given

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RedisAddress) and self.given == other.given

    def __hash__(self) -> int:
        return hash(self.given)

    def __repr__(self) -> str:
        return "RedisAddress()"

    @property
    def is_ours(self) -> bool:
        """Whether the log makes the client, and therefore closes it."""
        return isinstance(self.given, str)

    def client(self) -> Any:
        """Return a client for the running loop."""
        if not self.is_ours:
            return self.given
        from redis import asyncio as redis

        client: Any = redis.Redis
        return client.from_url(self.given, socket_connect_timeout=PATIENCE)


def _check(url: str) -> None:
    try:
        from redis.asyncio.connection import parse_url
    except ImportError as error:
        raise InvalidOptionError(
            f"Redis needs a client that is not installed ({error.name}):"
            " pip install 'conversation-eventlog[redis]'."
        ) from error
    try:
        parse_url(url)
    except ValueError as error:
        raise InvalidOptionError(
            "The redis URL cannot be read. It looks like redis://:password@host:6379/0."
        ) from error
