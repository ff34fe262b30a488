"""The client of Dapr's state stores as far as DaprSession uses it, in memory."""

import itertools
from enum import Enum
from typing import Any, Final, NamedTuple

import pytest

from tests.adapters.remote.stand_ins import import_over


class Concurrency(Enum):
    first_write = 1
    last_write = 2


class Consistency(Enum):
    eventual = 1
    strong = 2


class StateOptions(NamedTuple):
    consistency: Consistency | None = None
    concurrency: Concurrency | None = None


class State(NamedTuple):
    """What a store returns for a key."""

    data: bytes
    etag: str


class DaprClient:
    """A sidecar with one store."""

    def __init__(self) -> None:
        self._states: Final[dict[str, State]] = {}
        self._etags: Final = itertools.count(1)

    async def get_state(self, *, key: str, **_: object) -> State:
        return self._states.get(key, State(b"", ""))

    async def save_state(
        self, *, key: str, value: str, etag: str | None, options: StateOptions | None, **_: object
    ) -> None:
        known = self._states.get(key)
        if etag and (known is None or known.etag != etag):
            raise RuntimeError("etag mismatch")
        self._states[key] = State(value.encode(), str(next(self._etags)))

    async def delete_state(self, *, key: str, **_: object) -> None:
        self._states.pop(key, None)


def session_class(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import the SDK's real DaprSession over these stand-ins, for the time of a test."""
    modules: dict[str, dict[str, object]] = {
        "dapr": {},
        "dapr.aio": {},
        "dapr.aio.clients": {"DaprClient": DaprClient},
        "dapr.clients": {},
        "dapr.clients.grpc": {},
        "dapr.clients.grpc._state": {
            "Concurrency": Concurrency,
            "Consistency": Consistency,
            "StateOptions": StateOptions,
        },
    }
    return import_over(monkeypatch, modules, "agents.extensions.memory.dapr_session:DaprSession")
