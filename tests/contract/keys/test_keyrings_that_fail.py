"""A keyring is anybody's code, such as a key service: what it raises is told as what it is."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

import pytest

from eventlog import ItemsAdded
from eventlog.errors import EncryptedError, EventLogError, KeyRingError, NoKeyError, WrongKeyError
from eventlog.keys import NotOpenedError, new_key, parse_keyring
from eventlog.operations import rekey, rotate
from eventlog_projections import Conversation
from eventlog_projections.views import Projection, Views, runner
from eventlog_projections.views.search import PLAIN_SEARCH
from tests.backends import Backend
from tests.waiting import until


class AccessDeniedError(Exception):
    """What a service says of somebody."""


FAILURES: Final[list[object]] = [
    ConnectionRefusedError("the service is down"),
    TimeoutError(),
    AccessDeniedError("not this role"),
    ValueError("no base64"),
    None,
    "text",
    b"",
]
"""What is raised; or returned, where it is no exception."""


class Service:
    """A keyring that asks a key service, which fails while `failure` says so."""

    def __init__(self) -> None:
        self._keys = parse_keyring(new_key("kek"))
        self.fails = False
        self.failure: object = FAILURES[0]
        self.only_for: bytes | None = None
        self.asked = 0

    @property
    def current(self) -> str:
        return "kek"

    def wrap(self, kek_id: str, key: bytes, aad: bytes) -> Awaitable[bytes]:
        return self._answer(self._keys.wrap, kek_id, key, aad)

    def unwrap(self, kek_id: str, wrapped: bytes, aad: bytes) -> Awaitable[bytes]:
        return self._answer(self._keys.unwrap, kek_id, wrapped, aad)

    async def _answer(self, work: Any, kek_id: str, key: bytes, aad: bytes) -> Any:
        self.asked += 1
        await asyncio.sleep(0)
        if self.fails and (self.only_for is None or self.only_for in aad):
            if isinstance(self.failure, Exception):
                raise self.failure
            return self.failure
        return work(kek_id, key, aad)


class Immediate(Service):
    """The same, with functions that are not async."""

    def _answer(self, work: Any, kek_id: str, key: bytes, aad: bytes) -> Any:
        running = super()._answer(work, kek_id, key, aad)
        try:
            while True:
                running.send(None)
        except StopIteration as end:
            return end.value


@pytest.fixture(params=[Service, Immediate])
async def service(request: pytest.FixtureRequest, backend: Backend) -> Service:
    """A service that has closed a key of the conversation "chat", and fails from now on."""
    ring: Service = request.param()
    backend.keyring = ring
    async with backend.open() as log:
        await log.append("chat", ItemsAdded(["first"]))
    ring.fails = True
    return ring


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
async def test_what_a_keyring_raises_names_the_conversation_and_the_key(
    backend: Backend, service: Service, failure: Any
) -> None:
    """Whoever reads, appends or changes keys is told, with the cause; nothing is stored."""
    service.failure = failure
    async with backend.open() as log:
        chat = Conversation(log, "chat")

        async def of_an_event() -> None:
            (event,) = await log.read("chat").all()
            _ = event.event

        async def of_the_feed() -> None:
            (event,) = await log.feed().all()
            _ = event.event

        for work in (
            lambda: log.append("chat", ItemsAdded(["more"])),
            lambda: chat.add(["more"]),
            chat.items,
            chat.pop,
            of_an_event,
            of_the_feed,
            lambda: rekey(log, "chat"),
        ):
            with pytest.raises(KeyRingError) as caught:
                await work()
            told = caught.value
            assert (told.stream, told.kek_id) == ("chat", "kek")
            assert "'chat'" in str(told)
            assert "'kek'" in str(told)
            assert "Nothing was read or stored" in str(told)
            if isinstance(failure, Exception):
                assert told.__cause__ is failure
                assert type(failure).__name__ in str(told)
        with pytest.raises(KeyRingError, match="'new'"):
            await log.append("new", ItemsAdded(["first"]))
        found = await log.verify()
        assert {fault.problem for fault in found.faults} == {"unknown"}
        service.fails = False
        assert await chat.items() == ["first"]
        await log.append("new", ItemsAdded(["first"]))
        assert await Conversation(log, "new").items() == ["first"]
        assert (await log.verify()).ok
        assert await log.version("chat") == 1


async def test_a_rotation_whose_service_fails_is_gone_on_with(backend: Backend) -> None:
    """The key stays closed as it was."""
    old, new = new_key("old"), new_key("new")
    backend.keyring = parse_keyring(old)
    async with backend.open() as log:
        await log.append("chat", ItemsAdded(["first"]))
    ring = parse_keyring(f"{new} {old}")

    class Failing:
        current = "new"
        fails = True

        def wrap(self, kek_id: str, key: bytes, aad: bytes) -> bytes:
            if self.fails:
                raise RuntimeError
            return ring.wrap(kek_id, key, aad)

        unwrap = staticmethod(ring.unwrap)

    failing = backend.keyring = Failing()
    async with backend.open() as log:
        with pytest.raises(KeyRingError, match=r"wrap.*'new'.*RuntimeError"):
            await rotate(log)
        assert await Conversation(log, "chat").items() == ["first"]
        failing.fails = False
        assert await rotate(log) == 1


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (KeyError("kek"), NoKeyError),
        (NotOpenedError(), WrongKeyError),
        (EncryptedError("own"), None),
    ],
    ids=repr,
)
async def test_what_a_keyring_has_words_for_is_told_in_them(
    backend: Backend, service: Service, raised: Exception, told: type[EventLogError] | None
) -> None:
    """No such key, a key that does not open, and the library's own errors; of wrapping too."""
    service.failure = raised
    async with backend.open() as log:
        for name in ("chat", "new"):
            with pytest.raises(told or EncryptedError) as caught:
                await log.append(name, ItemsAdded(["more"]))
            assert (caught.value is raised) == (told is None)


async def test_a_keyring_that_cannot_name_its_key_is_told_so(backend: Backend) -> None:
    """As where the name is looked up."""

    class Nameless:
        @property
        def current(self) -> str:
            raise OSError("no name service")

        def wrap(self, *_: object) -> bytes:
            raise AssertionError

        unwrap = wrap

    backend.keyring = Nameless()
    async with backend.open() as log:
        with pytest.raises(KeyRingError, match=r"'chat' \(OSError: no name service\)"):
            await log.append("chat", ItemsAdded(["first"]))
        assert await log.version("chat") == 0


SEARCH: Final[list[Projection]] = [PLAIN_SEARCH]


async def found(views: Views) -> list[str]:
    """Return the words that the view has, by conversation."""
    rows = await views.select(PLAIN_SEARCH.tables[0], {})
    return sorted(str(row.text) for row in rows)  # type: ignore[attr-defined]


async def test_views_go_on_without_what_waits_for_a_key_service_and_take_it_afterwards(
    backend: Backend, service: Service
) -> None:
    """Nobody else waits, no worker is needed, and it is not told as a wrong event."""
    async with backend.open() as log:
        service.only_for = log.spi.stream_id("chat")
        await log.append("other", ItemsAdded(["second"]))
        views = Views(log, SEARCH)
        await views.catch_up()
        assert await found(views) == ["second"]
        (status,) = await views.status()
        (aside,) = status.set_aside
        assert (aside.conversation, status.behind) == ("chat", 0)
        assert aside.error.startswith("KeyRingError: The keyring failed")
        with pytest.raises(KeyRingError, match="'chat'"):
            await views.rebuild(PLAIN_SEARCH.name, strict=True)
        assert await found(views) == ["second"]
        service.fails = False

        async def is_taken() -> bool:
            return await found(views) == ["first", "second"]

        await until(is_taken, "the view has taken what waited")
        (status,) = await views.status()
        assert status.set_aside == ()


async def test_a_worker_asks_the_service_again_ever_more_rarely(
    backend: Backend, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it answers; whatever it was that set the event aside."""
    monkeypatch.setattr(runner, "CHORES_PAUSE", 0.01)
    async with backend.open() as log:
        await Views(log, SEARCH).catch_up()
        stop = asyncio.Event()
        views = Views(log, SEARCH)
        following = asyncio.ensure_future(views.follow(stop))
        asked = service.asked

        async def is_tried_twice() -> bool:
            return service.asked >= asked + 2

        await until(is_tried_twice, "it asked again")
        service.fails = False

        async def is_taken() -> bool:
            rows = await views.select(PLAIN_SEARCH.tables[0], {}, stale=True)
            return len(rows) == 1

        await until(is_taken, "the view has taken what waited")
        stop.set()
        await following
