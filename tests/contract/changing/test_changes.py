"""What a change returns: the version, what went and came, and the way back."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from eventlog import ConflictError, Context, EventLog
from eventlog.errors import (
    ArchivedError,
    ErasedError,
    InvalidOptionError,
    NameTakenError,
    NoSuchTurnError,
    NothingToRedoError,
)
from eventlog_projections import (
    Change,
    Conversation,
    Diff,
    Labels,
    LabelsDiff,
    Unreadable,
    erase_event,
)
from eventlog_projections.changing.forks import fork
from eventlog_projections.stream import NO_CONTEXT, Stream
from tests.backends import Backend
from tests.elsewhere import elsewhere

NAME = "chat"
ONE = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "One."}]
TWO = [{"role": "user", "content": "two"}, {"role": "assistant", "content": "Two."}]

Make = Callable[..., Awaitable[Change[Diff]]]

CHANGES: dict[str, tuple[Callable[[Conversation], Make], list[Any], list[Any]]] = {
    "undo": (lambda chat: chat.undo, TWO, []),
    "redo": (lambda chat: chat.redo, [], TWO),
    "restore": (lambda chat: lambda **how: chat.restore(1, **how), TWO, []),
    "restore nothing": (lambda chat: lambda **how: chat.restore(0, **how), [*ONE, *TWO], []),
    "clear": (lambda chat: chat.clear, [*ONE, *TWO], []),
}
"""How each is made, and what goes and comes of two turns; of a redo, once one was undone."""


@pytest.fixture
async def chat(log: EventLog) -> Conversation:
    """Two turns: two events."""
    chat = Conversation(log, NAME)
    await chat.add(ONE)
    await chat.add(TWO)
    return chat


async def ready(chat: Conversation, name: str) -> tuple[Make, list[Any], list[Any]]:
    make, gone, came = CHANGES[name]
    if name == "redo":
        await chat.undo()
    return make(chat), gone, came


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_says_what_went_and_came(chat: Conversation, name: str) -> None:
    """And which version was changed, and which one says so; whoever writes since, as it was."""
    make, gone, came = await ready(chat, name)
    before, version = await chat.items(), await chat.log.version(NAME)
    change = await make(reason="why", context=Context(actor="ana"))
    assert (change.before, change.version, change.is_dry_run) == (version, version + 1, False)
    await chat.add(["later"])
    found = await change.diff()
    assert (found.removed, found.added) == (gone, came)
    assert found.total == len(before) - len(gone) + len(came)
    assert found.total == len(await chat.items(as_of=change.version))


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_taken_back(chat: Conversation, name: str) -> None:
    """By one more event, which can be taken back, too."""
    make, gone, came = await ready(chat, name)
    before = await chat.items()
    change = await make()
    after = await chat.items()
    back = await change.take_back(reason="not so", context=Context(actor="ana"))
    assert await chat.items() == before
    assert (back.before, back.version) == (change.version, change.version + 1)
    found = await back.diff()
    assert (found.removed, found.added) == (came, gone)
    (event,) = await chat.log.read(NAME, after=change.version).all()
    assert (event.event.reason, event.context.actor) == ("not so", "ana")  # type: ignore[union-attr]
    await back.take_back()
    assert await chat.items() == after


@pytest.mark.parametrize("name", CHANGES)
async def test_a_dry_run_tells_what_the_change_does(chat: Conversation, name: str) -> None:
    """And stores nothing, so there is no way back from it."""
    make, *_ = await ready(chat, name)
    version = await chat.log.version(NAME)
    told = await make(dry_run=True)
    assert (told.before, told.version, told.is_dry_run) == (version, version, True)
    planned = await told.diff()
    with pytest.raises(InvalidOptionError):
        await told.take_back()
    assert await chat.log.version(NAME) == version
    assert await (await make()).diff() == planned


async def test_a_dry_run_refuses_what_the_change_refuses(chat: Conversation) -> None:
    """A turn that is not there, nothing to redo, a conversation that is closed."""
    with pytest.raises(NoSuchTurnError):
        await chat.undo(3, dry_run=True)
    with pytest.raises(NothingToRedoError):
        await chat.redo(dry_run=True)
    await chat.archive()
    for make in (chat.undo, chat.clear, lambda **how: chat.restore(1, **how)):
        for dry_run in (True, False):
            with pytest.raises(ArchivedError):
                await make(dry_run=dry_run)
    for dry_run in (True, False):
        with pytest.raises(ArchivedError):
            await chat.label(title="A title", dry_run=dry_run)
    with pytest.raises(NameTakenError):
        await fork(
            Stream(chat.log, "another"),
            Stream(chat.log, NAME),
            None,
            None,
            None,
            NO_CONTEXT,
            dry_run=True,
        )


async def test_a_change_of_labels_says_what_they_were_and_are(chat: Conversation) -> None:
    """As when it was made; taken back, those that it changed are what they were."""
    first = await chat.label(title="First", owner="ana")
    assert await first.diff() == LabelsDiff(Labels(), Labels("First", "ana"))
    told = await chat.label(title="Second", tags=["a"], dry_run=True)
    change = await chat.label(title="Second", tags=["a"])
    expected = LabelsDiff(Labels("First", "ana"), Labels("Second", "ana", ("a",)))
    assert await told.diff() == expected == await change.diff()
    assert (told.before, told.version) == (3, 3)
    assert (change.before, change.version) == (3, 4)
    await chat.label(owner="bob")
    assert await change.diff() == expected
    await change.take_back()
    assert await chat.labels() == Labels("First", "bob")
    with pytest.raises(InvalidOptionError):
        await change.take_back(reason="why")


async def test_what_was_deleted_and_cleared_with_all_branches_comes_back(
    chat: Conversation,
) -> None:
    """A branch is there again, with what it had; each branch that was cleared says so."""
    branch = await chat.fork(NAME, branch="idea")
    deleted = await branch.delete_branch()
    assert (await deleted.diff()).removed == [*ONE, *TWO]
    assert await chat.branches() == []
    await deleted.take_back()
    assert [each.branch for each in await chat.branches()] == ["idea"]
    cleared = await chat.clear_all()
    assert [(await each.diff()).removed for each in cleared] == [[*ONE, *TWO]] * 2
    for each in cleared:
        await each.take_back()
    assert await chat.items() == await branch.items() == [*ONE, *TWO]


async def test_what_was_erased_since_neither_is_told_nor_comes_back(chat: Conversation) -> None:
    """The change says so instead of half of what went."""
    change = await chat.clear()
    await erase_event(chat.log, NAME, 1, by="ana", reason="asked to")
    with pytest.raises(ErasedError):
        await change.diff()
    with pytest.raises(ErasedError):
        await change.take_back()
    assert await chat.items() == []


async def test_a_change_costs_one_append_and_no_read_of_the_list(
    backend: Backend, chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever does not ask what went does not pay for it, and a clear loses to nobody."""
    async with elsewhere(backend) as other:

        def refused(*_: object, **__: object) -> Any:
            raise AssertionError("the list was read")

        with monkeypatch.context() as patched:
            patched.setattr(Stream, "read", refused)
            change = await other.clear()
            with pytest.raises(AssertionError):
                await change.diff()
        with pytest.raises(ConflictError):
            await chat.replace(0, [], await chat.read(as_of=1))
        assert (await change.diff()).removed == [*ONE, *TWO]


def test_a_change_is_shown_by_its_versions() -> None:
    """For whoever prints one."""

    async def nothing(*_: object, **__: object) -> Any:
        raise AssertionError

    assert repr(Change(3, 4, nothing, nothing)) == "Change(before=3, version=4)"
    assert Diff(2, [], [Unreadable(3, ErasedError(NAME, 1)), "b"]).total == 6
