"""`python -m eventlog verify`, as a cron job runs it."""

from pathlib import Path
from typing import Final

import pytest

from eventlog import EventLog, ItemsAdded, Signer
from tests import processes
from tests.backends import Backend

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
CHANGE: Final = "UPDATE {}events SET body = salt WHERE version = 2"


async def verify(backend: Backend, *arguments: str) -> tuple[int, str]:
    schema = backend.options.get("schema", "eventlog")
    return await processes.output_of(
        "-m", "eventlog", "verify", backend.url, "--schema", schema, *arguments
    )


async def fill(log: EventLog) -> None:
    for _ in range(3):
        for name in ("a", "b"):
            await log.append(name, ItemsAdded([name]))


async def test_a_sound_log_ends_with_0(backend: Backend, log: EventLog) -> None:
    """And says what was checked."""
    await fill(log)
    assert await verify(backend) == (0, "2 conversations, 6 events: sound\n")
    assert await verify(backend, "--conversation", "a") == (0, "1 conversations, 3 events: sound\n")
    assert await verify(backend, "--tenant", "x") == (0, "0 conversations, 0 events: sound\n")


async def test_a_broken_log_ends_with_1(backend: Backend, log: EventLog) -> None:
    """A line for each fault."""
    await fill(log)
    await backend.tamper(CHANGE)
    status, output = await verify(backend)
    assert status == 1
    for name in ("a", "b"):
        assert f"conversation '{name}', version 2: edited, its content is not" in output
    assert (await verify(backend, "--conversation", "b"))[0] == 1


async def test_a_head_kept_in_a_file_is_checked(
    backend: Backend, log: EventLog, tmp_path: Path
) -> None:
    """A log that is shorter than its head was cut off."""
    await fill(log)
    path = tmp_path / "head.txt"
    path.write_text((await log.tree.head(SIGNER)).note, "utf-8")
    key = str(SIGNER.verifier)
    assert (await verify(backend, "--against", str(path), "--key", key))[0] == 0
    path.write_text(SIGNER.sign(7, bytes(32)), "utf-8")
    status, output = await verify(backend, "--against", str(path), "--key", key)
    assert (status, "position 7 of the feed: missing" in output) == (1, True)
    other = str(Signer.generate("example.com/log").verifier)
    status, output = await verify(backend, "--against", str(path), "--key", other)
    assert (status, "not signed by" in output) == (2, True)


async def test_a_log_of_a_later_format_could_not_be_checked(
    backend: Backend, log: EventLog
) -> None:
    """It is not called broken."""
    await fill(log)
    await backend.tamper("UPDATE {}events SET format = 2 WHERE version = 3")
    status, output = await verify(backend)
    assert (status, output.count("unknown, it has format 2")) == (2, 2)


@pytest.mark.parametrize(
    "arguments", [("--key", "x"), ("--against", "x"), ("--against", "x", "--key", "x")]
)
async def test_what_cannot_be_checked_ends_with_2(
    backend: Backend, log: EventLog, arguments: tuple[str, ...]
) -> None:
    """Nothing is known then: not that it is sound, not that it is broken."""
    status, output = await verify(backend, *arguments)
    assert (status, output.count("\n"), "Traceback" in output) == (2, 1, False)


async def test_a_database_that_is_not_there_ends_with_2() -> None:
    """In one line."""
    url = "postgresql://ana:s3cret@127.0.0.1:1/db"
    status, output = await processes.output_of("-m", "eventlog", "verify", url)
    assert (status, output.count("\n"), "s3cret" in output) == (2, 1, False)
