"""What a changing command prints as the way back restores exactly what was there."""

import re
import shlex
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog import EventLog
from eventlog_projections import Conversation
from tests.adapters.cli.conftest import Eventlog
from tests.adapters.cli.shop import agent, user

BRANCHES = ("", "idea")
NAMES = ("case", "it's $odd", "zwei Wörter", "-n")


def changes() -> st.SearchStrategy[tuple[str, ...]]:
    """Return commands that change a list, and what they are given."""
    moments = st.integers(0, 6).map(str)
    return st.one_of(
        st.just(("undo",)),
        st.just(("undo", "--turns", "2")),
        st.just(("redo",)),
        st.just(("clear",)),
        moments.map(lambda version: ("restore", version)),
    )


def labels() -> st.SearchStrategy[tuple[str, ...]]:
    """Return options of `label`."""
    texts = st.sampled_from(["", "a title", "it's $odd", "-x", "né\u200b"])
    return st.one_of(
        texts.map(lambda text: ("--title", text)),
        texts.map(lambda text: ("--owner", text)),
        st.lists(st.sampled_from(["a", "b c", "it's"]), min_size=1, max_size=2, unique=True).map(
            lambda tags: tuple(word for tag in tags for word in ("--tag", tag))
        ),
        st.just(("--no-tags",)),
    )


async def filled(path: str, name: str) -> None:
    async with EventLog(path) as log:
        chat = Conversation(log, name)
        for number in range(4):
            await chat.add([user(f"question {number}"), agent(f"answer {number}")])
        await chat.undo()
        branch = await chat.fork(name, branch="idea")
        for number in range(3):
            await branch.add([user(f"another {number}")])
        await branch.undo()


def way_back(output: str) -> list[str]:
    """Return what is printed as the way back, as a shell takes it."""
    (found,) = re.findall(r"^`eventlog (.*)` takes it back\.$", output, re.MULTILINE | re.DOTALL)
    return shlex.split(re.sub(r"\$'((?:[^'\\]|\\.)*)'", unquoted, found))


def unquoted(found: "re.Match[str]") -> str:
    """Return what bash makes of $'...', quoted for a plain shell."""
    return shlex.quote(found[1].encode("latin-1", "backslashreplace").decode("unicode_escape"))


def typed(name: str, change: tuple[str, ...], *options: str) -> tuple[str, ...]:
    """Return a command about a conversation; -- ends its options, as its name may begin with -."""
    verb, *rest = change
    flags = [each for each in rest if verb == "undo" or each.startswith("-")]
    words = [each for each in rest if each not in flags]
    return (verb, *flags, *options, "--", name, *words)


async def state(path: str, name: str) -> dict[str, Any]:
    async with EventLog(path, create=False) as log:
        lists = {branch: await Conversation(log, name, branch).items() for branch in BRANCHES}
        return {**lists, "labels": await Conversation(log, name).labels()}


def moved(text: str) -> list[str]:
    """Return the lines that say what went and came."""
    return [line for line in text.splitlines() if line[:1] in {"+", "-"}]


QUIET = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@QUIET
@given(
    steps=st.lists(st.tuples(changes(), st.sampled_from(BRANCHES)), min_size=1, max_size=4),
    name=st.sampled_from(NAMES),
)
async def test_the_way_back_restores_what_was_there(
    steps: list[tuple[tuple[str, ...], str]],
    name: str,
    eventlog: Eventlog,
    tmp_path_factory: Any,
) -> None:
    """Of undo, redo, restore and clear, on the main list and on a branch, whatever came before."""
    path = str(tmp_path_factory.mktemp("log") / "log.db")
    await filled(path, name)
    for change, branch in steps:
        before = await state(path, name)
        options = ("--branch", branch) if branch else ()
        done = eventlog(*typed(name, change, *options, "--db", path))
        if done.exit_code:
            assert await state(path, name) == before, done.output
            continue
        back = eventlog("--db", path, *way_back(done.output))
        assert back.exit_code == 0, back.output
        assert await state(path, name) == before, (done.output, back.output)


@QUIET
@given(first=labels(), second=labels(), name=st.sampled_from(NAMES))
async def test_the_way_back_restores_the_labels(
    first: tuple[str, ...],
    second: tuple[str, ...],
    name: str,
    eventlog: Eventlog,
    tmp_path_factory: Any,
) -> None:
    """Title, owner and tags, also where there were none."""
    path = str(tmp_path_factory.mktemp("log") / "log.db")
    await filled(path, name)
    assert eventlog("label", *first, "--db", path, "--", name).exit_code == 0
    before = await state(path, name)
    done = eventlog("label", *second, "--db", path, "--", name)
    assert done.exit_code == 0, done.output
    back = eventlog("--db", path, *way_back(done.output))
    assert back.exit_code == 0, (done.output, back.output)
    assert await state(path, name) == before


async def test_a_dry_run_says_what_the_change_does(eventlog: Eventlog, tmp_path: Any) -> None:
    """And changes nothing."""
    path = str(tmp_path / "log.db")
    await filled(path, "case")
    commands: list[tuple[str, ...]] = [
        ("undo", "case"),
        ("redo", "case"),
        ("restore", "case", "2"),
        ("clear", "case"),
        ("undo", "case", "--branch", "idea"),
        ("label", "case", "--title", "x"),
        ("fork", "case", "another"),
    ]
    for command in commands:
        before = await state(path, "case")
        told = eventlog(*command, "--dry-run", "--db", path)
        assert told.exit_code == 0, told.output
        assert await state(path, "case") == before
        done = eventlog(*command, "--db", path)
        assert moved(done.stdout) == moved(told.stdout), command


async def test_a_dry_run_refuses_what_the_change_refuses(eventlog: Eventlog, tmp_path: Any) -> None:
    """In the same words: what is archived, a name that is taken, a turn that is not there."""
    path = str(tmp_path / "log.db")
    await filled(path, "case")
    refused: list[tuple[str, ...]] = [
        ("undo", "case", "--turns", "9"),
        ("restore", "case", "99"),
        ("fork", "case", "case"),
        ("label", "case"),
    ]
    archived: list[tuple[str, ...]] = [
        ("undo", "case"),
        ("redo", "case"),
        ("restore", "case", "1"),
        ("clear", "case"),
        ("label", "case", "--title", "x"),
    ]
    would = eventlog("archive", "case", "--dry-run", "--db", path)
    assert would.stdout == "case would be archived.\n"
    for command in refused:
        told = eventlog(*command, "--dry-run", "--db", path)
        done = eventlog(*command, "--db", path)
        assert (told.exit_code, told.output) == (done.exit_code, done.output) != (0, ""), command
        assert done.exit_code
    assert eventlog("archive", "case", "--db", path).exit_code == 0
    for verb in (("archive", "case"), ("archive", "case", "--dry-run")):
        assert eventlog(*verb, "--db", path).stdout == "case is archived already.\n"
    for command in archived:
        told = eventlog(*command, "--dry-run", "--db", path)
        done = eventlog(*command, "--db", path)
        assert (told.exit_code, told.output) == (done.exit_code, done.output), command
        assert done.exit_code


async def test_a_branch_that_is_not_there_is_an_error(eventlog: Eventlog, tmp_path: Any) -> None:
    """In every command that takes one, reading and writing; those that are there are named."""
    path = str(tmp_path / "log.db")
    await filled(path, "case")
    for command in (
        ("show", "case"),
        ("log", "case"),
        ("diff", "case", "1"),
        ("turns", "case"),
        ("undo", "case"),
        ("redo", "case"),
        ("restore", "case", "1"),
        ("clear", "case"),
        ("fork", "case", "new"),
        ("export", "case"),
        ("erase", "case", "--event", "1", "--reason", "x", "--yes"),
    ):
        done = eventlog(*command, "--branch", "ide", "--db", path)
        assert (done.exit_code, "There are: idea." in done.output) == (2, True), done.output
    async with EventLog(path, create=False) as log:
        assert [row.branch async for row in log.branches("case")] == ["idea"]


async def test_what_destroys_takes_no_beginning_of_a_name(
    eventlog: Eventlog, tmp_path: Any
) -> None:
    """And --yes is refused where more would go than was named."""
    path = str(tmp_path / "log.db")
    await filled(path, "case-1042")
    for command in (
        ("clear", "case"),
        ("restore", "case", "1"),
        ("erase", "case", "--reason", "x", "--yes"),
    ):
        done = eventlog(*command, "--db", path)
        assert (done.exit_code, "beginning of case-1042" in done.output) == (2, True), done.output
    assert eventlog("fork", "case-1042", "other", "--db", path).exit_code == 0
    erasing = ("erase", "case-1042", "--reason", "x", "--db", path)
    refused = eventlog(*erasing, "--yes")
    assert (refused.exit_code, "More would go than was named: other" in refused.output) == (2, True)
    listed = eventlog(*erasing, "--dry-run").output
    assert all(name in listed for name in ("case-1042 (idea)", "other", "shares content"))
    assert (
        eventlog("erase", "case-1042", "other", "--reason", "x", "--yes", "--db", path).exit_code
        == 0
    )
    again = eventlog(*erasing, "--yes")
    assert (again.exit_code, "Nothing was left" in again.output) == (0, True)
    shown = eventlog("--json", "sessions", "--db", path).stdout
    assert shown.count('"erased":true') == 2


async def test_a_restore_takes_no_moment_that_is_still_to_come(
    eventlog: Eventlog, tmp_path: Any
) -> None:
    """Nothing would change, and who typed it meant another one; now is a moment."""
    path = str(tmp_path / "log.db")
    await filled(path, "case")
    done = eventlog("restore", "case", "2999-01-01", "--db", path)
    assert (done.exit_code, "not in the past" in done.output) == (2, True), done.output
    assert eventlog("restore", "case", "now", "--db", path).exit_code == 0


async def test_prune_takes_no_moment_that_is_not_past(eventlog: Eventlog, tmp_path: Any) -> None:
    """Everything would be old enough."""
    path = str(tmp_path / "log.db")
    await filled(path, "case")
    for age in ("0d", "0h", "now", "2999-01-01"):
        done = eventlog("prune", "--older-than", age, "--dry-run", "--db", path)
        assert (done.exit_code, "not in the past" in done.output) == (2, True), done.output
