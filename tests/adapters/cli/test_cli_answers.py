"""What the commands answer, on every database."""

import json
import re
from typing import Any

import msgspec
import pytest

from eventlog import EventLog, NewEvent
from eventlog_projections.conversation import Conversation
from tests.adapters.cli.conftest import Eventlog
from tests.adapters.cli.shop import user
from tests.backends import Backend
from tests.usage import used


def rows(eventlog: Eventlog, *arguments: str) -> list[dict[str, Any]]:
    result = eventlog("--json", *arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_json_has_what_the_log_has(filled: Backend, eventlog: Eventlog) -> None:
    """One object a line, from every command that reads."""
    assert [row["conversation"] for row in rows(eventlog, "sessions")] == [
        "order-1042",
        "order-1041",
    ]
    assert [row["conversation"] for row in rows(eventlog, "sessions", "--owner", "ada")] == [
        "order-1041"
    ]
    (shown,) = rows(eventlog, "show", "latest")
    assert (shown["conversation"], shown["version"], shown["total"]) == ("order-1042", 6, 5)
    assert shown["items"][0] == user("My order has not arrived.")
    events = rows(eventlog, "log", "order-1042")
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert [item["is_listed"] for item in events[3]["items"]] == [True, False]
    (gone,) = rows(eventlog, "diff", "order-1042", "4")
    assert (gone["common"], len(gone["removed"]), gone["added"]) == (5, 1, [])
    assert [row["total_tokens"] for row in rows(eventlog, "turns", "latest")] == [108, 161]
    assert [row["cost"] for row in rows(eventlog, "usage")] == [None]
    assert [row["unanswered"] for row in rows(eventlog, "tools")] == [0]
    (found,) = rows(eventlog, "search", '"by Friday"')
    assert (found["conversation"], found["removed"]) == ("order-1042", True)
    assert rows(eventlog, "search", '"by Friday"', "--listed") == []
    assert rows(eventlog, "search", "fri*") == [found]
    assert [row["position"] for row in rows(eventlog, "tail", "-n", "2")] == [7, 8]
    assert len(rows(eventlog, "export", "latest")) == 5
    (sound,) = rows(eventlog, "verify")
    assert (sound["ok"], sound["conversations"], sound["events"]) == (True, 2, 8)
    assert rows(eventlog, "migrate", "--check") == [{"current": True}]


def test_a_turn_of_which_nothing_was_counted_has_no_price(
    filled: Backend, eventlog: Eventlog
) -> None:
    """It is not to be taken for one that was free; an unknown price is something else."""
    (unknown, *_), (nothing, *_) = (
        eventlog("turns", name).stdout.splitlines() for name in ("order-1042", "order-1041")
    )
    assert unknown.split()[-1] == "?"
    assert nothing.split()[-2:] == ["-", "-"]


async def test_a_sum_by_model_says_how_many_calls_have_no_price(
    filled: Backend, eventlog: Eventlog
) -> None:
    """As one of a period does: what it cost is not all of it."""
    one = used(1_000, 10, model="gpt-4o")
    odd = msgspec.structs.replace(one, requests=2, cached_input_tokens=2_000)
    async with filled.open() as log:
        await log.append("order-1042", [NewEvent(one), NewEvent(odd)])
    found = rows(eventlog, "usage")
    assert [each["cost"]["unpriced"] for each in found if each["model"] == "gpt-4o"] == [2]
    assert found == rows(eventlog, "usage", "--since", "2000-01-01")


async def test_a_change_names_its_actor_and_can_be_taken_back(
    filled: Backend, eventlog: Eventlog
) -> None:
    """Undo, redo, clear and restore, each with who and why."""
    before = rows(eventlog, "export", "latest")
    for command in (
        ("undo", "latest", "--reason", "typo", "--actor", "lin"),
        ("redo", "latest"),
        ("clear", "order-1042"),
        ("restore", "order-1042", "6"),
    ):
        result = eventlog(*command)
        assert result.exit_code == 0, result.output
    assert rows(eventlog, "export", "latest") == before
    events = rows(eventlog, "log", "latest")[-4:]
    assert [event["kind"] for event in events] == ["rewound", "rewound", "cleared", "rewound"]
    assert [event["context"]["actor"] for event in events] == ["lin", "ada", "ada", "ada"]
    assert events[0]["event"]["reason"] == "typo"


def test_nobody_sees_another_tenant(filled: Backend, eventlog: Eventlog) -> None:
    """Not by its name, not as the latest, not in a count."""
    assert rows(eventlog, "sessions", "--tenant", "other") == []
    assert rows(eventlog, "tail", "--tenant", "other") == []
    assert rows(eventlog, "stats", "--tenant", "other")[0]["events"] == 0
    for name in ("latest", "order-1042", "order"):
        assert eventlog("show", name, "--tenant", "other").exit_code == 2


async def test_an_id_is_a_name_or_the_only_one_that_begins_so(
    filled: Backend, eventlog: Eventlog
) -> None:
    """A whole name wins over longer ones; a candidate that sorts elsewhere is found too."""
    async with filled.open() as log:
        for name in ("order-1042-é", "Zoë", "zoo", "zoo-2"):
            await Conversation(log, name).add([user(name)])
    for typed, meant in (("zoo", "zoo"), ("Zo", "Zoë"), ("order-1041", "order-1041")):
        assert eventlog("show", typed).output.startswith(f"{meant}  version")
    refused = eventlog("show", "order-10")
    assert refused.exit_code == 2
    assert "'order-1041', 'order-1042', 'order-1042-é'" in refused.output


async def test_latest_is_the_one_that_was_written_to_last(
    filled: Backend, eventlog: Eventlog
) -> None:
    """Unless one is called so."""
    async with filled.open() as log:
        await Conversation(log, "order-1041").add([user("again")])
    assert eventlog("show", "latest").output.startswith("order-1041")
    async with filled.open() as log:
        await Conversation(log, "latest").add([user("me")])
        await Conversation(log, "order-1042").add([user("again")])
    assert eventlog("show", "latest").output.startswith("latest")


def test_an_export_of_an_owner_goes_on_where_it_stopped(
    db: str, eventlog: Eventlog, tmp_path: Any
) -> None:
    """What is complete is left alone; what was written since is exported anew, beside it."""
    again = ("export", "--owner", "ada", "--to", "out")
    assert eventlog(*again).output == "1 conversation written to out, 0 were there already.\n"
    assert eventlog(*again).output == "0 conversations written to out, 1 was there already.\n"
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "order-1041.v2.jsonl"
    assert file.read_text() == eventlog("export", "order-1041").output
    eventlog("clear", "order-1041")
    assert eventlog(*again).output == "1 conversation written to out, 0 were there already.\n"


async def test_a_backup_is_the_log_and_never_overwrites(db: str, eventlog: Eventlog) -> None:
    """While somebody has it open; a second one needs another name."""
    async with EventLog(db, create=False) as log:
        await Conversation(log, "order-1041").add([user("again")])
        assert eventlog("backup", "copy.db").exit_code == 0
    for path in (db, "copy.db"):
        assert rows(eventlog, "verify", "--db", path)[0]["events"] == 9
    assert eventlog("backup", "copy.db").exit_code == 2


def test_a_backup_of_a_server_says_how(postgres_url: str, eventlog: Eventlog) -> None:
    """In one line to copy."""
    result = eventlog("backup", "copy.db", "--db", postgres_url)
    assert result.exit_code == 2
    assert "pg_dump --format=custom" in result.output


def test_content_cannot_write_to_the_terminal(db: str, eventlog: Eventlog) -> None:
    """Escape sequences are shown, in an item and in a reason."""
    eventlog("clear", "order-1041", "--reason", "\x1b]0;owned\x07")
    for command in (("log", "order-1041"), ("tail",)):
        result = eventlog(*command)
        assert "]0;owned" in result.output
        assert "\x1b" not in result.output
        assert "\x07" not in result.output


@pytest.mark.parametrize("item", ["text", 7, None, [1], {"type": 3}, {"content": [None, {"a": 1}]}])
async def test_any_json_can_be_shown(db: str, eventlog: Eventlog, item: Any) -> None:
    """The log keeps whatever JSON it was given."""
    async with EventLog(db, create=False) as log:
        await Conversation(log, "odd").add([item])
    for command in ("show odd", "log odd", "tail", "diff odd 0", "sessions"):
        result = eventlog(*command.split())
        assert result.exit_code == 0, result.output


async def test_roles_are_created_for_a_server_only(filled: Backend, eventlog: Eventlog) -> None:
    """Their names are printed; a file has none."""
    result = eventlog("--json", "roles", "--tenant", "acme", "--role", "acme_of_test")
    if filled.name == "sqlite":
        assert result.exit_code == 2
        return
    names = [json.loads(line)["role"] for line in result.output.splitlines()]
    kinds = ("owner", "writer", "reader", "sequencer", "eraser", "tenants")
    assert names == [*[f"{filled.options['schema']}_{kind}" for kind in kinds], "acme_of_test"]
    for name in names:
        await filled.execute(f"DROP OWNED BY {name} CASCADE")
        await filled.execute(f"DROP ROLE {name}")


def test_tail_says_who_did_it_in_every_conversation(filled: Backend, eventlog: Eventlog) -> None:
    """In columns of a pipe as in a terminal; of an erasure it is who is named for ever."""
    eventlog("erase", "order-1041", "--reason", "gdpr-17", "--by", "dpo", "--yes")
    last = eventlog("tail", "-n", "1", "--actor", "dpo").stdout.split("\t")
    assert last[1:] == ["order-1041", "3", "erased", "dpo", "erased by dpo: gdpr-17\n"]
    (popped,) = eventlog("tail", "--actor", "lin").stdout.splitlines()
    assert popped.split("\t")[1:5] == ["order-1042", "6", "popped", "lin"]
    assert eventlog("tail", "--actor", "nobody").stdout == ""
    for name, who in (("order-1041", "dpo"), ("order-1042", "lin")):
        (line,) = eventlog("log", name, "--actor", who).stdout.splitlines()
        assert line.split("\t")[3] == who


@pytest.mark.parametrize("columns", ["80", "45"])
def test_tail_has_room_for_who_did_it(
    filled: Backend, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """In the line of the event, or in one of its own."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", columns)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", eventlog("tail", "-n", "1").output)
    assert shown.split()[2:7] == ["order-1042", "6", "popped", "by", "lin"]
    assert max(map(len, shown.splitlines())) <= int(columns)


def test_an_empty_list_says_why_and_what_tells_more(filled: Backend, eventlog: Eventlog) -> None:
    """The command that it names runs as it stands."""
    eventlog("erase", "order-1041", "--reason", "gdpr-17", "--by", "dpo", "--yes")
    eventlog("clear", "order-1042")
    for name, why in (
        ("order-1041", "erased by dpo: gdpr-17"),
        ("order-1042", "Its list is empty"),
    ):
        told = eventlog("show", name).stderr
        (command,) = re.findall("`eventlog (.*?)`", told)
        assert why in told
        assert eventlog(*command.split()).stdout


def test_the_main_branch_is_named_as_it_is_printed(filled: Backend, eventlog: Eventlog) -> None:
    """`branches` prints main, and so do sessions of the SDK."""
    assert eventlog("branches", "order-1042").stdout.startswith("main\t")
    for command in ("show", "log", "turns"):
        main = eventlog(command, "order-1042", "--branch", "main")
        assert (main.exit_code, main.stdout) == (0, eventlog(command, "order-1042").stdout)


@pytest.mark.parametrize("by", ["owner", "model", "agent"])
def test_a_name_that_nobody_has_says_where_names_are(
    filled: Backend, eventlog: Eventlog, by: str
) -> None:
    """Somebody types claude for claude-sonnet-4-5."""
    told = eventlog("sessions", f"--{by}", "Nobody").stderr
    assert f"`eventlog usage --by {by}`" in told
    assert eventlog("usage", "--by", by).exit_code == 0
