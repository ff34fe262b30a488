"""What others wrote never reaches a terminal raw: every command, with names that try to."""

import ast
import json
import logging
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import Context, EventLog, NewEvent
from eventlog.operations import place_hold
from eventlog_cli import asking, terminal
from eventlog_cli.catalogue import COMMANDS
from eventlog_projections import Conversation, erase
from tests import processes
from tests.adapters.cli.conftest import ROOT, Eventlog, just_now
from tests.adapters.cli.shop import looked_up, used, user

FORGED: Final = "FORGED"
HOSTILE: Final = (
    f"prod\r\x1b[2K{FORGED}\x1b]0;owned\x07",
    f"x\n{FORGED}  all 9 events are as they were written\n",
    f"a\u202e{FORGED}\u2066\u200f\x9b2J\x85{FORGED}\x7f\u2028{FORGED}",
    f"z\u200bw\ufeff\xad\u2060\u034f\U000e0041{FORGED}\u3164",
    "\x1b[31m\u061cé" * 99,
)


def raw(text: str) -> list[str]:
    """Return what is not seen, or does something, and is in a text all the same."""
    barred = {"Cc", "Cf", "Zl", "Zp", "Cs"}
    unseen = "\u034f\u3164\u115f\u1160\uffa0"
    return [
        hex(ord(c))
        for c in text
        if c not in "\n\t" and (unicodedata.category(c) in barred or c in unseen)
    ]


def is_clean(text: str) -> bool:
    """Tell whether nothing raw is in it, and no line begins with what a name holds."""
    return not raw(text) and not any(line.startswith(FORGED) for line in text.split("\n"))


async def fill(path: Path, name: str) -> None:
    """Write a conversation in which everything that somebody may choose is hostile."""
    said = Context(actor=name, run_id=name, agent=name)
    async with EventLog(path) as log:
        chat = Conversation(log, name)
        called = [{**call, "name": name} for call in looked_up(name)]
        odd = {"type": name, "content": [{"type": name, "text": name}]}
        items: list[Any] = [user(name), *called, {"role": name, "content": name}, odd, name]
        await chat.add(items, context=said)
        await log.append(name, NewEvent(used(9), said))
        await chat.label(title=name, owner=name, tags=[name], context=said)
        await chat.pop(reason=name, context=said)
        branch = await chat.fork(name, branch=name[:300], reason=name, context=said)
        await branch.add([user(name)], context=said)
        await chat.fork(f"{name}2", context=said)
        await place_hold(log, f"{name}2", name, reason=name, context=said)
        other = Conversation(log, f"gone {name}")
        await other.add([user(name)], context=said)
        await erase(log, other.name, by=name[:300], reason=name[:300])
        await chat.clear(reason=name, context=said)
        await chat.restore(1, reason=name, context=said)


def commands(name: str, folder: Path) -> list[Sequence[str]]:
    """Return every command, those that refuse too."""
    key, odd = ("--key-file", "signing.key"), str(folder / f"file {name[:60]}")
    short = name[:300]
    return [
        ("sessions",),
        ("sessions", "--owner", name),
        ("show", name),
        ("show", name, "--branch", short),
        ("show", f"{name}3"),
        ("show", name[:2]),
        ("show", name, "--as-of", name),
        ("show", name, "--limit", name),
        ("log", name),
        ("diff", name, "2"),
        ("diff", name, name),
        ("turns", name),
        ("branches", name),
        ("web", "--token-file", odd),
        ("share", name, "-o", f"shared {short[:40]}.html"),
        ("help", name),
        ("config",),
        ("usage", name),
        ("usage",),
        ("tools",),
        ("search", "FORGED"),
        ("search", "x", "--in", f"{name}3"),
        ("tail", "-n", "99"),
        ("redo", name),
        ("undo", name, "--reason", name, "--actor", name),
        ("redo", name),
        ("undo", name, "--turns", "99"),
        ("restore", name, "2", "--reason", name),
        ("restore", name, name),
        ("fork", name, f"{name}4"),
        ("fork", name, f"{name}4"),
        ("archive", name, "--reason", name, "--actor", name),
        ("unarchive", name, "--reason", name, "--actor", name),
        ("label", name, "--title", name, "--owner", name, "--tag", name),
        ("clear", name),
        ("archive", name, "--reason", name),
        ("unarchive", name, "--reason", name),
        ("import", odd),
        ("export", name),
        ("export", name, "--format", "otel"),
        ("export", "--owner", name, "--to", odd),
        ("export", name, "--format", name),
        ("verify",),
        ("verify", name),
        ("verify", "--against", odd, "--key", name),
        ("views",),
        ("views", "retry"),
        ("repair", "feed", "--yes"),
        ("recover", odd, f"log {short[:40]}"),
        ("keys", "signing", name, "--to", "no.key"),
        ("keys", "signing", "example.com/log", "--to", "signing.key"),
        ("keys", "new", "k1", "--to", f"keys {short[:40]}"),
        ("keys", "new", name),
        ("keys", "rotate"),
        ("keys", "rekey", name),
        ("head", *key),
        ("head", *key, "--to", f"head {short[:40]}"),
        ("head", "--key-file", odd),
        ("evidence", name, *key),
        ("evidence", name, *key, "--to", f"evidence {short[:40]}"),
        ("receipt", f"gone {name}", *key),
        ("receipt", f"gone {name}", *key, "--to", f"receipt {short[:40]}"),
        ("receipt", name, *key),
        ("hold", "place", name, short),
        ("hold", "list"),
        ("erase", name, "--reason", short),
        ("erase", name, "--reason", short, "--yes"),
        ("hold", "lift", name, f"{short}2"),
        ("hold", "lift", name, short),
        ("stats",),
        ("stats", "--tenant", name),
        ("rebuild", name),
        ("rebuild", "--check", "turns"),
        ("migrate", "--check"),
        ("migrate", "--db", f"{odd}.db"),
        ("roles", "--tenant", name),
        ("backup", f"copy {short[:40]}.db"),
        ("backup", f"copy {short[:40]}.db"),
        ("worker", "--no-views"),
        ("worker", "--head-command", f"'{name}", *key),
        ("prune", "--older-than", name, "--no-archive", "--yes"),
        ("prune", "--older-than", just_now(), "--dry-run"),
        ("prune", "--older-than", just_now(), "--archive", odd, *key),
        ("erase", "--owner", name, "--reason", short, "--by", short),
        ("hold", "lift", f"{name}2", name),
        ("erase", name, "--event", "1", "--reason", short, "--by", short, "--yes"),
        ("erase", "--owner", name, "--reason", short, "--receipts", odd, *key, "--yes"),
        ("erase", f"{name}2", "--reason", short, "--receipts", odd, *key, "--yes"),
        ("prune", "--older-than", just_now(), "--archive", odd, *key, "--yes"),
        (name,),
        ("show", name, f"--{name}"),
        ("show", name, name),
    ]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_command_shows_a_name_raw(
    tmp_path: Path, eventlog: Eventlog, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither to people nor as JSON, in an answer, a question, an error or a hint."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENTLOG_DB", str(tmp_path / "log.db"))
    monkeypatch.setattr(asking, "is_somebody_there", lambda: True)
    await fill(tmp_path / "log.db", name)
    for arguments in commands(name, tmp_path):
        for as_json in ((), ("--json",)):
            result = eventlog(*as_json, *arguments)
            unexpected = result.exception
            assert unexpected is None or isinstance(unexpected, SystemExit), (arguments, unexpected)
            assert is_clean(result.output), (arguments, raw(result.output), result.output)
    for path in tmp_path.rglob("*"):
        if path.suffix in {".jsonl", ".json", ".receipt"} or path.name.startswith(
            ("evidence", "receipt")
        ):
            assert is_clean(path.read_text("utf-8")), path


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_example_shows_a_name_raw(tmp_path: Path, name: str) -> None:
    """Of those that print a log of somebody else's."""
    path = tmp_path / "log.db"
    await fill(path, name)
    for example in ("audit.py", name), ("audit.py", "nobody"), ("replay.py", name, "1"):
        program, *arguments = example
        status, output = await processes.output_of(
            str(ROOT / "examples" / program), str(path), *arguments
        )
        assert output
        assert is_clean(output), (status, raw(output), output)


def test_every_command_was_tried() -> None:
    """So a new one is in the list above."""
    tried = {arguments[0] for arguments in commands("x", Path())}
    assert tried >= set(COMMANDS)


async def test_a_question_is_about_the_conversation_that_is_meant(
    tmp_path: Path, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says how to type its name."""
    monkeypatch.setenv("EVENTLOG_DB", str(tmp_path / "log.db"))
    monkeypatch.setattr(asking, "is_somebody_there", lambda: True)
    name = "prod\r\x1b[2KDestroy for good all that was ever said in test"
    async with EventLog(tmp_path / "log.db") as log:
        await Conversation(log, name).add([user("hello")])
    result = eventlog("erase", "latest", "--reason", "x")
    shown = "$'prod\\r\\x1b[2KDestroy for good all that was ever said in test'"
    assert f"said in {shown} (1 item now)? [y/N]" in result.output
    async with EventLog(tmp_path / "log.db") as log:
        assert await Conversation(log, name).items() == [user("hello")]
    assert shown in eventlog("show", "prod", env={"COLUMNS": "200"}).output


def test_json_means_what_it_meant(tmp_path: Path, eventlog: Eventlog) -> None:
    """Escapes are those of JSON: a program reads the name as it is."""
    for name in HOSTILE:
        made = eventlog("--json", "keys", "signing", f"a{len(name)}", "--to", str(tmp_path / "k"))
        assert json.loads(made.output)["origin"] == f"a{len(name)}"
        (tmp_path / "k").unlink()


DOORS: Final = {
    "eventlog/files.py": "files",
    "adapters/eventlog_cli/terminal.py": "terminal",
    "adapters/eventlog_cli/streams.py": "terminal",  # What it writes to is closed or is nowhere.
    "adapters/eventlog_cli/bars.py": "terminal",  # Rich draws there what progress.py words.
    "adapters/eventlog_cli/pager.py": "terminal",  # It puts a pager in the place of the stream.
    "adapters/eventlog_cli/main.py": "terminal",  # Before anything is imported: its own words.
}
WRITING: Final = {"replace", "rename", "renames", "link", "symlink", "fdopen", "makedirs", "mkdir"}
PRINTING: Final = {"echo", "secho", "prompt", "confirm"}
MODES: Final = set("wax+")


def finds(path: Path, root: Path = ROOT) -> list[str]:
    """Return where a module writes to a file or a terminal itself."""
    tree = ast.parse(path.read_text("utf-8"))
    return [
        f"{path.relative_to(root)}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call | ast.Attribute) and _is_bare(node)
    ]


def _is_bare(node: ast.Call | ast.Attribute) -> bool:
    if isinstance(node, ast.Attribute):
        of = node.value.id if isinstance(node.value, ast.Name) else ""
        streams = of == "sys" and node.attr in {"stdout", "stderr", "__stdout__", "__stderr__"}
        files = of == "os" and node.attr in WRITING
        return (
            streams
            or files
            or (of == "click" and node.attr in {"echo", "secho", "prompt", "confirm"})
        )
    if isinstance(node.func, ast.Attribute):
        return node.func.attr in {"write_text", "write_bytes"}
    if not isinstance(node.func, ast.Name):
        return False
    given = [*node.args[1:2], *[word.value for word in node.keywords if word.arg == "mode"]]
    modes = {each.value for each in given if isinstance(each, ast.Constant)}
    writes = any(isinstance(mode, str) and MODES & set(mode) for mode in modes)
    return node.func.id in {"print", "input", "Console"} or (node.func.id == "open" and writes)


def test_one_module_writes_files_and_one_to_the_terminal() -> None:
    """A second call site of the bare function is a finding."""
    found = [
        place
        for wing in ("eventlog", "projections", "adapters")
        for path in sorted((ROOT / wing).rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in DOORS
        for place in finds(path)
    ]
    assert found == []


def test_the_rule_finds_what_it_forbids(tmp_path: Path) -> None:
    """Each of the ways to write, and none to read."""
    ways = ("open(p, 'w')", "open(p, mode='ab')", "os.replace(a, b)", "print(x)", "sys.stdout")
    path = tmp_path / "module.py"
    path.write_text("\n".join([*ways, "click.echo(x)", "open(p, 'rb')", "re.sub(x)"]), "utf-8")
    assert sorted(place[-1] for place in finds(path, tmp_path)) == list("123456")


def test_what_is_logged_is_shown_with_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning of the library, and a traceback, where nobody configured logging."""
    terminal.tell_warnings()
    record = logging.LogRecord("eventlog", logging.WARNING, "", 0, "%s", (HOSTILE[0],), None)
    assert logging.lastResort is not None
    logging.lastResort.handle(record)
    assert is_clean(capsys.readouterr().err)
