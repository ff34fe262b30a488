"""Faulty streams, among which the places of moved events are looked for. Pure."""

from typing import Final, NamedTuple

import msgspec

from eventlog.format.records import Head, StoredEvent, StreamRow
from eventlog.verify import diagnosis
from eventlog.verify.faults import Fault

MOST_SUSPECTS: Final = 100
"""Maximum number of streams among which moved events are looked for."""


class Suspect(NamedTuple):
    """A faulty stream, the last sound head in it, and the event that follows, if there is one."""

    fault: int
    """Where the fault is among all that were found."""
    stream: StreamRow
    sound: Head
    event: StoredEvent | None


def find_moved(suspects: list[Suspect], faults: list[Fault]) -> None:
    """Change the fault of every event that fits where another stream lacks one: it was moved."""
    for suspect in suspects[:MOST_SUSPECTS]:
        for other in suspects[:MOST_SUSPECTS]:
            there, version = other.stream, other.sound.version + 1
            if (
                suspect.event is not None
                and there.stream_id != suspect.stream.stream_id
                and diagnosis.belongs(suspect.event, there.stream_id, version, other.sound.hash)
            ):
                of = f"branch {there.branch!r} of " if there.branch else ""
                detail = f"it was version {version} of {of}{there.name!r}"
                faults[suspect.fault] = msgspec.structs.replace(
                    faults[suspect.fault], problem="moved", detail=detail
                )
