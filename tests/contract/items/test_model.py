"""The system against a plain list: whatever is done in whatever order, they agree."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from eventlog import ConflictError, EventLog, ItemsAdded, ItemsReplaced
from eventlog.events import ConversationRewound
from eventlog.keys import KeyRing, new_key, parse_keyring
from eventlog_projections import Conversation
from tests.machines import LogMachine, play

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
BATCH = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=4)


class Machine(LogMachine):
    """Rules change both sides; the invariants compare them."""

    def start(self) -> None:
        self.name = "chat"
        self.reopen()
        self.now: list[Any] = []
        self.past: list[list[Any]] = [[]]

    def teardown(self) -> None:
        if hasattr(self, "log"):
            assert self.run(self.log.verify()).ok
            self.run(self.log.close())

    def happened(self, items: list[Any]) -> None:
        self.now = items
        self.past.append(list(items))

    @rule()
    def reopen(self) -> None:
        if hasattr(self, "log"):
            self.run(self.log.close())
        self.log: EventLog = self.backend.open(tenant=self.tenant)
        self.chat = Conversation(self.log, self.name)

    @rule(items=BATCH)
    def add(self, items: list[Any]) -> None:
        self.run(self.chat.add(items))
        if items:
            self.happened(self.now + items)

    @rule()
    def pop(self) -> None:
        assert self.run(self.chat.pop()) == (self.now[-1] if self.now else None)
        if self.now:
            self.happened(self.now[:-1])

    @rule()
    def clear(self) -> None:
        self.run(self.chat.clear())
        self.happened([])

    @rule(data=st.data())
    def rewind(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(0, len(self.past) - 1))
        rewound = ConversationRewound(version)
        head = len(self.past) - 1
        self.run(self.log.append(self.name, rewound, expected_version=head))
        self.happened(self.past[version])

    @rule(data=st.data(), items=BATCH)
    def replace(self, data: st.DataObject, items: list[Any]) -> None:
        start = data.draw(st.integers(0, len(self.now)))
        self.run(self.log.append(self.name, ItemsReplaced(start, items)))
        self.happened(self.now[:start] + items)

    @precondition(lambda self: len(self.past) > 1)
    @rule()
    def lose_a_race(self) -> None:
        stale = self.log.append(self.name, ItemsAdded(["late"]), expected_version=0)
        with pytest.raises(ConflictError):
            self.run(stale)

    @invariant()
    def the_present_agrees(self) -> None:
        if hasattr(self, "chat"):
            view = self.run(self.chat.read())
            assert (view.version, view.items) == (len(self.past) - 1, self.now)

    @rule(data=st.data(), limit=st.none() | st.integers(0, 6))
    def the_past_agrees(self, data: st.DataObject, limit: int | None) -> None:
        version = data.draw(st.integers(0, len(self.past) - 1))
        then = self.past[version]
        expected = then if limit is None else then[max(0, len(then) - limit) :]
        assert self.run(self.chat.items(as_of=version, limit=limit)) == expected


@pytest.mark.parametrize(
    ("name", "examples", "keyring"),
    [
        ("sqlite", 25, None),
        ("postgres", 12, None),
        ("sqlite", 10, parse_keyring(new_key("kek"))),
        ("postgres", 5, parse_keyring(new_key("kek"))),
    ],
    ids=["sqlite", "postgres", "sqlite encrypted", "postgres encrypted"],
)
def test_every_sequence_of_changes_agrees_with_a_list(
    name: str, examples: int, keyring: KeyRing | None, tmp_path: Path
) -> None:
    """Add, pop, clear, rewind, replace, reopen: the list is what a list would be."""
    play(Machine, name, tmp_path, examples=examples, steps=20, keyring=keyring)
