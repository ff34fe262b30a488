"""Keys: making them, and changing those that a log is encrypted under."""

import os

import click

from eventlog import EventLog, Signer
from eventlog.errors import InvalidOptionError
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import rekey, rotate
from eventlog.plurals import count
from eventlog_cli.command import command, group
from eventlog_cli.files import read_text, write_secret
from eventlog_cli.lookups.finding import check_branch, find
from eventlog_cli.options import BRANCH, ID
from eventlog_cli.output import Output
from eventlog_cli.progress import bar
from eventlog_cli.running import Invocation, run, run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.showing.words import typed
from eventlog_cli.terminal import put

keys = group("keys", "Make keys, and change those of an encrypted log.", no_args_is_help=True)


@command("new", "eventlog keys new 2026-11 --to keyring.txt", of=keys)
@click.argument("name", metavar="NAME")
@click.option("--to", metavar="FILE", help="Put it in front of the keys there; else print it.")
def new(ctx: click.Context, name: str, to: str | None) -> None:
    """Make a key that closes the keys of conversations."""

    async def work(_: Settings, out: Output) -> None:
        key = new_key(name)
        if to is None:
            found, said = {"name": name, "key": key, "file": None}, key
        else:
            _put_in_front(key, to)
            found = {"name": name, "key": None, "file": to}
            said = f"{name} is the current key of {typed(to)}."
        out.answer(found, said)

    run_without_log(ctx, work)


@command("signing", "eventlog keys signing example.com/log --to signing.key", of=keys)
@click.argument("origin", metavar="ORIGIN")
@click.option("--to", metavar="FILE", required=True, help="A new file for the secret part.")
@click.option(
    "--retire", metavar="FILE", help="The key that signed until now: it names the new one."
)
def signing(ctx: click.Context, origin: str, to: str, retire: str | None) -> None:
    """Make a key that signs tree heads, and print what checks them: give that away.

    ORIGIN is the log's name, like example.com/log. With --retire, also print a note that the old
    key signs: whoever trusts it learns which one follows. Delete the old file then.
    """

    async def work(_: Settings, out: Output) -> None:
        old = None if retire is None else Signer.load(read_text(retire))
        if old is not None and old.name != origin:
            raise InvalidOptionError(
                f"{retire} is a key of {old.name!r}. A log keeps its origin when it gets a new key."
            )
        signer = Signer.generate(origin)
        verifier = str(signer.verifier)
        write_secret(to, f"{signer.dump()}\n")
        note = None if old is None else old.retire(signer)
        if out.as_json:
            retired = None if old is None else str(old.verifier)
            made = {"origin": origin, "verifier": verifier, "file": to}
            out.line({**made, "retired": retired, "note": note})
            return
        out.print(verifier)
        if note is not None:
            put(f"\n{note}")

    run_without_log(ctx, work)


@command("rotate", "eventlog keys rotate --keyring keyring.txt", of=keys)
def rotate_(ctx: click.Context) -> None:
    """Wrap every key of a conversation anew with the current key. Touches no event."""

    async def work(at: Invocation) -> None:
        _need_keys(at.log)
        with bar("Wrapping keys") as drawn:
            wrapped = await rotate(at.log, progress=drawn.move)
        was = "is" if wrapped == 1 else "are"
        at.out.answer({"wrapped": wrapped}, f"{count(wrapped, 'key')} {was} wrapped anew.")

    run(ctx, work)


@command("rekey", "eventlog keys rekey order-1042 --keyring keyring.txt", of=keys)
@ID
@BRANCH
def rekey_(ctx: click.Context, conversation: str, branch: str) -> None:
    """Give a conversation a new key, for the events to come."""

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        await check_branch(at.log, name, branch)
        _need_keys(at.log)
        await rekey(at.log, name, branch=branch)
        at.out.answer(
            {"conversation": name, "branch": branch},
            f"What is added to {typed(name, branch)} from now on is under a new key.",
        )

    run(ctx, work)


def _need_keys(log: EventLog) -> None:
    if not log.spi.keys.are_used:
        raise InvalidOptionError(
            "Which keys? Give --keyring FILE, or the keys themselves in EVENTLOG_KEYS."
        )


def _put_in_front(key: str, path: str) -> None:
    old = read_text(path) if os.path.exists(path) else ""
    words = f"{key}\n{old}"
    parse_keyring(words, path)
    write_secret(path, words, replace=True)
