"""Keys: making them, and changing those that a log is encrypted under."""

import os
from typing import Annotated

import typer
from rich.text import Text

from eventlog import EventLog, Signer
from eventlog.errors import InvalidOptionError
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import rekey, rotate
from eventlog_cli.files import read_text, write_secret
from eventlog_cli.finding import find
from eventlog_cli.options import Branch, Id
from eventlog_cli.output import Output
from eventlog_cli.progress import bar
from eventlog_cli.running import Invocation, run, run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.terminal import put
from eventlog_cli.words import typed

app = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="Make keys, and change those of an encrypted log.")
app.add_typer(keys, name="keys")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")]


@keys.command()
def new(
    ctx: typer.Context,
    name: Name,
    to: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Put it in front of the keys there; else print it."),
    ] = None,
) -> None:
    """Make a key that closes the keys of conversations."""

    async def work(_: Settings, out: Output) -> None:
        key = new_key(name)
        if to is None:
            found, said = {"name": name, "key": key}, key
        else:
            _put_in_front(key, to)
            found, said = {"name": name, "file": to}, f"{name} is the current key of {typed(to)}."
        out.answer(found, Text(said))

    run_without_log(ctx, work)


@keys.command()
def signing(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="ORIGIN", help="The log's name, like example.com/log.")
    ],
    to: Annotated[str, typer.Option(metavar="FILE", help="A new file for the secret part.")],
    retire: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The key that signed until now: it names the new one."),
    ] = None,
) -> None:
    """Make a key that signs tree heads, and print what checks them: give that away.

    With --retire, also print a note that the old key signs: whoever trusts it learns which one
    follows. Delete the old file then.
    """

    async def work(_: Settings, out: Output) -> None:
        old = None if retire is None else Signer.load(read_text(retire))
        if old is not None and old.name != name:
            raise InvalidOptionError(
                f"{retire} is a key of {old.name!r}. A log keeps its origin when it gets a new key."
            )
        signer = Signer.generate(name)
        verifier = str(signer.verifier)
        write_secret(to, f"{signer.dump()}\n")
        made = {"origin": name, "verifier": verifier, "file": to}
        note = "" if old is None else old.retire(signer)
        if old is not None:
            made |= {"retired": str(old.verifier), "note": note}
        out.answer(made, Text(verifier, no_wrap=True, overflow="ignore"))
        if note and not out.as_json:
            put(f"\n{note}")

    run_without_log(ctx, work)


@keys.command("rotate")
def rotate_(ctx: typer.Context) -> None:
    """Wrap every key of a conversation anew with the current key. Touches no event."""

    async def work(at: Invocation) -> None:
        _need_keys(at.log)
        with bar("Wrapping keys") as drawn:
            wrapped = await rotate(at.log, progress=drawn.move)
        at.out.answer({"wrapped": wrapped}, Text(f"{wrapped:,} keys are wrapped anew."))

    run(ctx, work)


@keys.command("rekey")
def rekey_(ctx: typer.Context, conversation: Id, branch: Branch = "") -> None:
    """Give a conversation a new key, for the events to come."""

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        _need_keys(at.log)
        await rekey(at.log, name, branch=branch)
        at.out.answer(
            {"conversation": name, "branch": branch},
            Text(f"What is added to {typed(name, branch)} from now on is under a new key."),
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
