"""Publishing heads: a head protects only where the owner of the database cannot change it."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from eventlog.errors import BeyondEndError, PublishingError, StoreError, WaitTimeoutError
from eventlog.files import PUBLIC, write_whole
from eventlog.format.records import SignedHead
from eventlog.log import EventLog
from eventlog.operations.soundness import HeadSigner
from eventlog.proof.checkpoint import Signer

EVERY_EVENTS: Final = 1000
EVERY_SECONDS: Final = 60.0

Destination = Callable[[SignedHead], Awaitable[None]]
"""Takes a head to where it is safe."""

_log: Final = logging.getLogger("eventlog.operations.heads")


async def publish(
    log: EventLog,
    signer: Signer,
    to: Destination,
    stop: asyncio.Event,
    *,
    every_events: int = EVERY_EVENTS,
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Sign and hand on a head at once and then after so many events or seconds, until `stop`.

    A head that says nothing new is not handed on again. Before the first the log is verified, then
    what was appended since the one before. What fails is logged and tried again with the next one;
    UnsoundError or BrokenTreeError ends it: whoever runs this must look.
    """
    published = -1
    heads = HeadSigner(log, signer)
    while not stop.is_set():
        try:
            head = await heads.sign()
            if head.size != published:
                await to(head)
                published = head.size
            due = head.size + every_events
        except (StoreError, PublishingError) as error:
            _log.warning("a head could not be published: %s", error)
            due = None
        await _until_due(log, due, every_seconds, stop)


def to_file(path: str | os.PathLike[str], *, mode: int = PUBLIC) -> Destination:
    """Replace a file by each head; a reader sees the old one or the new one."""

    async def write(head: SignedHead) -> None:
        try:
            await asyncio.to_thread(write_whole, os.fspath(path), head.note.encode(), mode=mode)
        except OSError as error:
            raise PublishingError(f"{os.fspath(path)} cannot be written: {error}.") from error

    return write


def to_command(command: Sequence[str]) -> Destination:
    """Run a program for each head, with the note on its standard input."""

    async def run(head: SignedHead) -> None:
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
        except OSError as error:
            raise PublishingError(f"{command[0]} cannot be run: {error}.") from error
        await process.communicate(head.note.encode())
        if process.returncode:
            raise PublishingError(f"{command[0]} ended with status {process.returncode}.")

    return run


async def _until_due(
    log: EventLog, position: int | None, seconds: float, stop: asyncio.Event
) -> None:
    waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(stop.wait())}
    if position is not None:
        waits.add(asyncio.ensure_future(_reached(log, position, seconds)))
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)


async def _reached(log: EventLog, position: int, seconds: float) -> None:
    # A feed that has become shorter is a reason to sign now, which tells what is wrong.
    with contextlib.suppress(WaitTimeoutError, BeyondEndError):
        await log.wait_for(position, seconds)
