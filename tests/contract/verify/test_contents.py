"""Content is gone if, and only if, an event says that it was erased; anything else is named."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import CorruptEventError, ErasedError
from eventlog_projections import Conversation, erase, erase_event
from tests.backends import Backend
from tests.elsewhere import open_elsewhere

WHY: Final[dict[str, Any]] = {"by": "office", "reason": "code"}
OF: Final = "stream_id = (SELECT stream_id FROM {}streams WHERE name = ? AND branch = ?)"
Told = list[tuple[str, str, int, str]]


async def fill(log: EventLog, name: str = "chat", events: int = 4) -> None:
    for number in range(events):
        await log.append(name, ItemsAdded([f"{name} {number + 1}"]))


async def told(log: EventLog) -> Told:
    """Return what the log's verification finds, held against that of each conversation alone."""
    found = (await log.verify()).faults
    alone = [fault async for row in log.streams() for fault in (await log.verify(row.name)).faults]
    assert sorted(map(str, alone)) == sorted(map(str, found))
    return [(fault.stream, fault.branch, fault.version, fault.problem) for fault in found]


async def take(backend: Backend, *versions: int, name: str = "chat", branch: str = "") -> None:
    """Take the content of events, as no erasure does."""
    for version in versions:
        await backend.tamper(
            f"UPDATE {{}}events SET salt = NULL, context = NULL, body = NULL"
            f" WHERE version = {version} AND {OF}",
            name,
            branch,
        )


class Kept:
    """A backup of contents."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._rows: list[tuple[Any, ...]] = []

    async def keep(self) -> None:
        self._rows = await self._backend.execute(
            "SELECT stream_id, version, salt, context, body FROM {}events"
        )

    async def put_back(self, *versions: int) -> None:
        """Put back what the events of these versions were, in every stream."""
        for stream_id, version, *content in self._rows:
            if version in versions:
                await self._backend.tamper(
                    "UPDATE {}events SET salt = ?, context = ?, body = ?"
                    f" WHERE version = {version} AND stream_id = ?",
                    *content,
                    stream_id,
                )


async def test_content_that_is_gone_without_an_event_that_says_so(erasable: Backend) -> None:
    """The first such event is named, alone and among others; nobody is told that it was erased."""
    async with erasable.open() as log:
        await fill(log)
        await fill(log, "other")
        await take(erasable, 2, 3)
        assert await told(log) == [("chat", "", 2, "missing")]
        found = await log.verify()
        assert found.faults[0].detail == "its content is gone, and no event says that it was erased"
        assert found.exit_code == 1
    async with open_elsewhere(erasable) as log:
        chat = Conversation(log, "chat")
        with pytest.raises(CorruptEventError, match="no event says that it was erased") as caught:
            await chat.items()
        assert (caught.value.stream, caught.value.version) == ("chat", 2)
        assert await chat.items(as_of=1) == ["chat 1"]
        events = await log.read("chat").all()
        assert [event.is_erased for event in events] == [False] * 4
        for event in events[1:3]:
            with pytest.raises(CorruptEventError, match="no event says"):
                _ = event.event
            with pytest.raises(CorruptEventError, match="no event says"):
                _ = event.context
        entries = await chat.history().all()
        assert [type(entry.error) for entry in entries] == [
            type(None),
            CorruptEventError,
            CorruptEventError,
            type(None),
        ]


async def _two(log: EventLog) -> None:
    for version in (3, 1):
        await erase_event(log, "chat", version, **WHY)


async def _twice(log: EventLog) -> None:
    await erase(log, "chat", **WHY)
    await log.append("chat", ItemsAdded(["anew"]))
    await erase(log, "chat", **WHY)


async def _event_then_all(log: EventLog) -> None:
    await erase_event(log, "chat", 2, **WHY)
    await erase(log, "chat", **WHY)


async def _the_erasure(log: EventLog) -> None:
    await erase(log, "chat", **WHY)
    await erase_event(log, "chat", 5, **WHY)


async def _the_redaction(log: EventLog) -> None:
    await erase_event(log, "chat", 2, **WHY)
    await erase_event(log, "chat", 5, **WHY)


Erase = Callable[[EventLog], Awaitable[object]]
ERASURES: Final[dict[str, tuple[Erase, int]]] = {
    "one event": (lambda log: erase_event(log, "chat", 2, **WHY), 1),
    "two events": (_two, 2),
    "a conversation": (lambda log: erase(log, "chat", **WHY), 4),
    "a conversation twice": (_twice, 5),
    "an event, and then all": (_event_then_all, 5),
    "the event that erased all": (_the_erasure, 5),
    "the event that erased one": (_the_redaction, 1),
}


@pytest.mark.parametrize("what", ERASURES)
async def test_what_was_erased_is_sound_and_counted(erasable: Backend, what: str) -> None:
    """By every way there is, once more after something followed."""
    how, erased = ERASURES[what]
    async with erasable.open() as log:
        await fill(log)
        await fill(log, "other")
        await how(log)
        found = await log.verify()
        assert (found.faults, found.erased) == ((), erased)
        assert f"events, {erased} of them erased: sound" in str(found)
        await log.append("chat", ItemsAdded(["later"]))
        found = await log.verify("chat")
        assert (found.faults, found.erased) == ((), erased)
        assert (await log.verify("other")).erased == 0
        assert [event.is_erased for event in await log.read("chat").all()].count(True) == erased


@pytest.mark.parametrize("what", ERASURES)
async def test_more_that_is_gone_than_was_erased(erasable: Backend, what: str) -> None:
    """An erasure covers what it says, and nothing that came later."""
    async with erasable.open() as log:
        await fill(log)
        await ERASURES[what][0](log)
        await log.append("chat", [ItemsAdded(["later"]), ItemsAdded(["last"])])
        version = await log.version("chat") - 1
        await take(erasable, version)
        assert await told(log) == [("chat", "", version, "missing")]


@pytest.mark.parametrize("what", ERASURES)
async def test_an_erasing_event_that_lost_its_content(erasable: Backend, what: str) -> None:
    """It had none to speak of, and still no event says that it is gone."""
    async with erasable.open() as log:
        await fill(log)
        await ERASURES[what][0](log)
        version = await log.version("chat")
        await take(erasable, version)
        assert await told(log) == [("chat", "", version, "missing")]


@pytest.mark.parametrize("what", ERASURES)
async def test_content_that_was_put_back(backend: Backend, what: str) -> None:
    """From a backup, say: an event says that it was erased, and it is there."""
    kept = Kept(backend)
    async with backend.open() as log:
        await fill(log)
        await kept.keep()
        await ERASURES[what][0](log)
        gone = [event.version for event in await log.read("chat").all() if event.is_erased]
        first = next(version for version in gone if version <= 4)
        await kept.put_back(first)
        assert await told(log) == [("chat", "", first, "inserted")]
        (fault,) = (await log.verify()).faults
        assert "its content is there, though version" in fault.detail


async def test_a_key_that_was_put_back_with_what_it_opens(sealed: Backend) -> None:
    """Encrypted content is content: without its key, too."""
    kept = Kept(sealed)
    async with sealed.open() as log:
        await fill(log)
        await kept.keep()
        await erase(log, "chat", **WHY)
        await kept.put_back(3)
        assert await told(log) == [("chat", "", 3, "inserted")]


async def test_a_fork_is_not_covered_by_what_its_parent_says(erasable: Backend) -> None:
    """Numbers of a parent's versions are not those of the fork, nor the other way round."""
    async with erasable.open() as log:
        await fill(log)
        await Conversation(log, "chat").fork("chat", branch="idea")
        idea = Conversation(log, "chat", branch="idea")
        for number in range(3):
            await idea.add([f"idea {number}"])
        await erase_event(log, "chat", 2, branch="idea", **WHY)
        assert (await log.verify()).ok
        assert await idea.items() == ["chat 1", "chat 2", "chat 3", "chat 4", "idea 1", "idea 2"]
        await take(erasable, 2)
        assert await told(log) == [("chat", "", 2, "missing")]
    async with open_elsewhere(erasable) as log:
        idea = Conversation(log, "chat", branch="idea")
        with pytest.raises(CorruptEventError, match="no event says") as caught:
            await idea.items()
        assert (caught.value.stream, caught.value.version) == ("chat", 2)


async def test_an_erasure_with_forks_covers_each(erasable: Backend) -> None:
    """Each of the streams says so itself; one that loses its event is named."""
    async with erasable.open() as log:
        await fill(log)
        await Conversation(log, "chat").fork("fork")
        await Conversation(log, "fork").add(["own"])
        await erase(log, "chat", with_forks=True, **WHY)
        found = await log.verify()
        assert (found.faults, found.erased) == ((), 6)
        with pytest.raises(ErasedError):
            await Conversation(log, "fork").items(as_of=2)


async def test_every_second_of_many_pages(backend: Backend) -> None:
    """Which are erased and which are not is followed over pages."""
    async with backend.open() as log:
        await log.append("chat", [ItemsAdded([number]) for number in range(2500)])
        await erase_event(log, "chat", 1001, **WHY)
        await erase_event(log, "chat", 2, **WHY)
        found = await log.verify("chat")
        assert (found.ok, found.erased, found.events) == (True, 2, 2502)
        await take(backend, 2001)
        assert await told(log) == [("chat", "", 2001, "missing")]


UNIQUE: Final[dict[str, list[str]]] = {
    "sqlite": [
        "CREATE TABLE loose AS SELECT * FROM events",
        "DROP TABLE events",
        "ALTER TABLE loose RENAME TO events",
    ],
    "postgres": ["ALTER TABLE {}events DROP CONSTRAINT events_pk"],
}


async def loosen(backend: Backend) -> None:
    """Leave nothing that keeps two events of one version apart."""
    await backend.drop_triggers()
    for statement in UNIQUE[backend.name]:
        await backend.execute(statement)


COLUMNS: Final = (
    "stream_id, version, format, event_id, kind, schema, recorded_at, header, codec, key_id, salt,"
    " context, content_digest, hash, body"
)


@pytest.mark.parametrize("version", [1, 2, 4])
@pytest.mark.parametrize("hidden", ["body", "hash", "content_digest"])
async def test_another_event_of_a_version_that_is_there(
    backend: Backend, version: int, hidden: str
) -> None:
    """Whichever of the two the database returns first."""
    async with backend.open() as log:
        await fill(log)
    await loosen(backend)
    forged = COLUMNS.replace(hidden, "stream_id")
    await backend.execute(
        f"INSERT INTO {{}}events ({COLUMNS}) SELECT {forged} FROM {{}}events"
        f" WHERE version = {version}"
    )
    async with backend.open() as log:
        fault = next(each for each in (await log.verify()).faults if each.stream == "chat")
        assert (fault.version, fault.problem) == (version, "inserted")
        assert "there are two events of this version" in fault.detail


@pytest.mark.parametrize("version", [1, 3, 1000, 1001, 1003])
async def test_two_events_of_one_version(backend: Backend, version: int) -> None:
    """In a table that lost what keeps them apart; at the end of a page, too."""
    async with backend.open() as log:
        await log.append("chat", [ItemsAdded([number]) for number in range(1003)])
    await loosen(backend)
    await backend.execute(
        f"INSERT INTO {{}}events ({COLUMNS}) SELECT {COLUMNS} FROM {{}}events"
        f" WHERE version = {version}"
    )
    async with backend.open() as log:
        for found in (await log.verify("chat"), await log.verify()):
            fault = next(each for each in found.faults if each.stream == "chat")
            assert (fault.version, fault.problem) == (version, "inserted")
            assert "there are two events of this version" in fault.detail


async def test_reading_what_was_erased_asks_for_the_erasure_once(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with every page; content that is gone behind it is told all the same."""
    asked: list[str | None] = []
    async with backend.open() as log:
        await log.append("chat", [ItemsAdded([number]) for number in range(3500)])
        await erase(log, "chat", **WHY)
        await log.append("chat", [ItemsAdded([number]) for number in range(1500)])
        await take(backend, 4000)
        page = log.spi.store.events.page

        async def noted(*arguments: Any) -> Any:
            asked.extend(arguments[4:])
            return await page(*arguments)

        monkeypatch.setattr(log.spi.store.events, "page", noted)
        events = await log.read("chat").all()
        assert [event.version for event in events if event.is_erased] == list(range(1, 3501))
        with pytest.raises(CorruptEventError, match="no event says"):
            _ = events[3999].event
        assert len([kind for kind in asked if kind is not None]) <= 8
