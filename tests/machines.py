"""State machines whose rules await, each example a tenant of its own in one database."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, run_state_machine_as_test

from eventlog.keys import KeyRing
from tests.backends import Backend
from tests.conftest import open_backend


class LogMachine(RuleBasedStateMachine):
    """Rules run what they await in `runner`; every log is opened for `tenant`."""

    backend: Backend
    runner: asyncio.Runner

    @initialize()
    def move_in(self) -> None:
        self.tenant = uuid.uuid4().hex  # Making a database takes a while.
        self.start()

    def start(self) -> None:
        """Open what the rules use."""
        raise NotImplementedError

    def run(self, awaitable: Any) -> Any:
        async def awaited() -> Any:
            return await awaitable

        return self.runner.run(awaited())


def play(
    machine: type[LogMachine],
    backend: str,
    folder: Path,
    *,
    examples: int,
    steps: int,
    keyring: KeyRing | None = None,
) -> None:
    """Run `examples` sequences of up to `steps` rules on a backend."""

    async def on_a_database() -> None:
        async with open_backend(backend, folder) as opened:
            opened.keyring = keyring
            await asyncio.to_thread(run, opened)

    def run(opened: Backend) -> None:
        with asyncio.Runner() as runner:
            members = {"backend": opened, "runner": runner}
            configured: type[LogMachine] = type(machine.__name__, (machine,), members)
            run_state_machine_as_test(
                configured,
                settings=settings(max_examples=examples, stateful_step_count=steps),
            )

    asyncio.run(on_a_database())
