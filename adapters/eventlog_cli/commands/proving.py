"""Signed tree heads, and evidence that is checked without this library."""

import asyncio
import os

import click

from eventlog import EventLog, InvalidInputError
from eventlog.errors import PublishingError
from eventlog.files import write_whole
from eventlog.format.records import SignedHead
from eventlog.operations import check_evidence, gather_evidence, sign_head, to_file
from eventlog.operations import receipt as receipt_of
from eventlog.operations.soundness import refuse_unsound
from eventlog.plurals import count
from eventlog.proof.checkpoint import signed_by
from eventlog_cli.command import command
from eventlog_cli.files import SIGNING_VARIABLE, read_text, signer_of
from eventlog_cli.lookups.finding import check_branch, find
from eventlog_cli.options import BRANCH, ID, IDS, SIGNING_KEY
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing.words import typed
from eventlog_cli.terminal import put, put_encoded

TO = click.option("--to", metavar="FILE", help="A file to write; else print it.")


@command(
    "head",
    "eventlog head --key-file signing.key --to head.txt",
    "eventlog head --key-file signing.key --since-head head.txt --to head.txt",
    "eventlog head",
)
@SIGNING_KEY
@click.option(
    "--since-head", metavar="FILE", help="Verify only what came after this head, of a sound log."
)
@click.option("--to", metavar="FILE", help="Replace this file; else print it.")
def head(ctx: click.Context, key_file: str | None, since_head: str | None, to: str | None) -> None:
    """Sign for every event that is there.

    Without a key, show the last head that was signed. The log is verified before: nothing is
    signed for one that was changed. Keep it where whoever owns the database cannot write:
    `verify --against` takes it.
    """

    async def work(at: Invocation) -> None:
        found = await _head(at.log, key_file, since_head)
        if to is not None:
            await to_file(to)(found)
        if at.out.as_json:
            at.out.line({**found._asdict(), "signed_by": signed_by(found.note)})
        elif to is None:
            put(found.note)
        else:
            at.out.say(f"{typed(to)} commits to the first {count(found.size, 'event')}.")
            at.out.hint(_check_with("against", to, key_file))

    run(ctx, work)


@command("evidence", "eventlog evidence order-1041 order-1042 --to evidence.json")
@IDS
@TO
@SIGNING_KEY
def evidence(
    ctx: click.Context, conversations: tuple[str, ...], to: str | None, key_file: str | None
) -> None:
    """Gather conversations and what proves them.

    As JSON that is checked without this library, or by `eventlog verify --evidence`. Without a key,
    for the last head that was signed. It is checked before anybody is told that it proves anything.
    """

    async def work(at: Invocation) -> None:
        names = [await find(at.log, each) for each in conversations]
        await refuse_unsound(at.log, names, "There is no evidence of it")
        head = await _head(at.log, key_file)
        bundle = await gather_evidence(at.log, head, dict.fromkeys(names, None))
        if key_file is not None or SIGNING_VARIABLE in os.environ:
            check_evidence(bundle, signer_of(key_file).verifier)
        if to is None:
            put_encoded(bundle)
            return
        await _write(to, bundle)
        at.out.answer(
            {"file": to, "conversations": names},
            f"{typed(to)} proves {', '.join(map(typed, names))}.",
        )
        at.out.hint(_check_with("evidence", to, key_file))

    run(ctx, work)


def _check_with(option: str, path: str, key_file: str | None) -> str:
    """Return the command that checks a file; where nobody signed now, who has the key is known."""
    is_signed = key_file is not None or SIGNING_VARIABLE in os.environ
    key = typed(str(signer_of(key_file).verifier)) if is_signed else "KEY"
    return f"`eventlog verify --{option} {typed(path)} --key {key}` checks it."


@command("receipt", "eventlog receipt order-1042 --key-file signing.key --to receipt.txt")
@ID
@click.option(
    "--event",
    metavar="VERSION",
    type=click.IntRange(min=1),
    help="Of the erasure of this event.",
)
@BRANCH
@TO
@SIGNING_KEY
def receipt(
    ctx: click.Context,
    conversation: str,
    event: int | None,
    branch: str,
    to: str | None,
    key_file: str | None,
) -> None:
    """Make the receipt of an erasure again.

    From what the log says of it.
    """

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        await check_branch(at.log, name, branch)
        note = await receipt_of(at.log, signer_of(key_file), name, event, branch=branch)
        if to is not None:
            await _write(to, note.encode())
        told = {"conversation": name, "branch": branch, "receipt": note, "file": to}
        if at.out.as_json:
            at.out.line(told)
        elif to is None:
            put(note)
        else:
            at.out.say(f"{typed(to)} says what was erased of {typed(name, branch)}.")

    run(ctx, work)


async def _write(path: str, content: bytes) -> None:
    """Write a file and read it again. Raises PublishingError."""

    def write() -> bool:
        write_whole(path, content)
        with open(path, "rb") as file:
            return file.read() == content

    try:
        is_there = await asyncio.to_thread(write)
    except OSError as error:
        raise PublishingError(f"{path} cannot be written: {error.strerror}.") from error
    if not is_there:
        raise PublishingError(f"{path} is not what was written to it.")


async def _head(log: EventLog, key_file: str | None, since_head: str | None = None) -> SignedHead:
    """Sign a head where there is a key; otherwise return the last one."""
    if key_file is not None or since_head is not None or SIGNING_VARIABLE in os.environ:
        signer = signer_of(key_file)
        kept = None if since_head is None else signer.verifier.open(read_text(since_head))
        return await sign_head(log, signer, since=kept)
    last = await log.tree.last_head()
    if last is None:
        raise InvalidInputError(
            "No head was signed yet. Give --key-file; `eventlog keys signing` makes a key."
        )
    return last
