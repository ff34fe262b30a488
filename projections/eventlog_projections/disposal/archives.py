"""Archives: evidence of conversations, kept elsewhere before they are erased."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from eventlog import EventLog, Signer, Verifier
from eventlog.errors import InvalidEvidenceError, PublishingError, UnsoundError
from eventlog.files import OWNER, make_folder, write_whole
from eventlog.format.records import SignedHead, StreamRow
from eventlog.operations import check_evidence, gather_evidence


class Evidence(NamedTuple):
    """A bundle, as docs/format.md defines it, of one conversation and of all that goes with it."""

    session_id: str
    stream_id: bytes
    version: int
    """The last version of the conversation's main branch that is in it."""
    bundle: bytes
    verifier: Verifier
    """Checks it: `eventlog.operations.check_evidence(bundle, verifier)`."""


Keep = Callable[[Evidence], Awaitable[None]]
"""Takes evidence to where it is safe, or raises: nothing of it is erased then."""


class Archive(NamedTuple):
    """Who signs evidence, and who keeps it.

    What is encrypted is archived as it is stored: once its keys are destroyed it still verifies,
    and nobody can read it.
    """

    signer: Signer
    keep: Keep


def to_folder(folder: str | os.PathLike[str], *, mode: int = OWNER) -> Keep:
    """Keep each bundle as a file of its own, `<stream id>-<version>.json`; makes the folder.

    It is flushed, read again, and what was read is checked. Raises PublishingError.
    """

    async def keep(evidence: Evidence) -> None:
        path = Path(folder) / f"{evidence.stream_id.hex()}-{evidence.version}.json"
        try:
            await asyncio.to_thread(_write, path, evidence, mode)
        except (OSError, InvalidEvidenceError) as error:
            raise PublishingError(
                f"The evidence of conversation {evidence.session_id!r} cannot be written to"
                f" {path}: {error}. The conversation was not erased."
            ) from error

    return keep


async def archive_streams(
    log: EventLog, archive: Archive, head: SignedHead, main: StreamRow, streams: Sequence[StreamRow]
) -> None:
    """Have evidence of streams kept, under the name of the conversation of `main`.

    It is checked before. Raises UnsoundError if it does not prove them, InvalidMomentError if
    `head` does not cover them, and what `keep` raises.
    """
    chosen = {(row.name, row.branch): row.head.version for row in streams}
    verifier = archive.signer.verifier
    try:
        bundle = await gather_evidence(log, head, chosen)
        check_evidence(bundle, verifier)
    except InvalidEvidenceError as error:
        raise UnsoundError(main.name, (str(error),), "Nothing of it was erased") from error
    await archive.keep(Evidence(main.name, main.stream_id, main.head.version, bundle, verifier))


def _write(path: Path, evidence: Evidence, mode: int) -> None:
    make_folder(str(path.parent))
    write_whole(str(path), evidence.bundle, mode=mode)
    check_evidence(path.read_bytes(), evidence.verifier)
