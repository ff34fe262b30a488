"""Where receipts are kept: on disk before the content goes, and complete once it is gone."""

import asyncio
import os
from typing import Protocol

from eventlog.errors import PublishingError
from eventlog.files import OWNER, file_name, make_folder, remove, write_whole

RECEIPT = ".receipt"
PLANNED = ".receipt.planned"


class ReceiptKeeper(Protocol):
    """Takes signed receipts to where they are safe, or raises PublishingError."""

    async def plan(self, session_id: str, note: str) -> None:
        """Keep the receipt of what is about to be erased: it is erased once this returns."""
        ...

    async def keep(self, session_id: str, note: str) -> None:
        """Keep the receipt of what was erased, in place of what was planned."""
        ...

    async def withdraw(self, session_id: str) -> None:
        """Forget what was planned: nothing was erased."""
        ...


class ReceiptFolder:
    """Keeps each receipt as a file of its own, `<conversation>.receipt`; makes the folder.

    Until the erasure is done its name ends in `.planned`. What is left so after a crash is settled
    by erasing again, or by `eventlog receipt`.
    """

    def __init__(self, folder: str | os.PathLike[str], *, mode: int = OWNER) -> None:
        self._folder = os.fspath(folder)
        self._mode = mode

    async def plan(self, session_id: str, note: str) -> None:
        """Write it, flushed."""
        await self._write(session_id, PLANNED, note, "Nothing of the conversation was erased.")

    async def keep(self, session_id: str, note: str) -> None:
        """Write it, flushed, and remove what was planned."""
        made = "The conversation was erased; `eventlog receipt` makes the receipt again."
        await self._write(session_id, RECEIPT, note, made)
        await self.withdraw(session_id)

    async def withdraw(self, session_id: str) -> None:
        """Remove what was planned."""
        path = self._path(session_id, PLANNED)
        try:
            await asyncio.to_thread(remove, path)
        except OSError as error:
            raise PublishingError(f"{path} cannot be removed: {error.strerror}.") from error

    def _path(self, session_id: str, ending: str) -> str:
        return os.path.join(self._folder, file_name(session_id, ending))

    async def _write(self, session_id: str, ending: str, note: str, then: str) -> None:
        def write(path: str) -> None:
            make_folder(self._folder)
            write_whole(path, note.encode(), mode=self._mode)

        path = self._path(session_id, ending)
        try:
            await asyncio.to_thread(write, path)
        except OSError as error:
            raise PublishingError(
                f"The receipt for conversation {session_id!r} cannot be written to {path}:"
                f" {error.strerror}. {then}"
            ) from error
