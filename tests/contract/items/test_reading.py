"""Reading, warm and cold, now and then, whole and in part: always the same list."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from eventlog import EventLog, ItemsReplaced
from eventlog.events import ConversationRewound
from eventlog_projections import Conversation, rebuild
from tests.elsewhere import NAME, make_small, open_elsewhere
from tests.machines import LogMachine, play

ITEM = st.one_of(
    st.integers(-(2**70), 2**70),
    st.text(st.characters(), max_size=8),
    st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False), max_size=3),
    st.just("large " * 20),
    st.just({"b": "\ud800", "a": [1, None]}),
)
BATCH = st.lists(ITEM, max_size=12) | st.integers(20, 300).map(lambda n: list(range(n)))
LIMIT = st.integers(0, 20) | st.integers(0, 600)


class Machine(LogMachine):
    """Rules change the log and a list of lists; every way of reading gives what the lists say."""

    def start(self) -> None:
        self.warm: EventLog = self.backend.open(tenant=self.tenant)
        self.lagging = open_elsewhere(self.backend, tenant=self.tenant)
        self.forgetful = open_elsewhere(self.backend, tenant=self.tenant, cache_bytes=0)
        self.past: list[list[Any]] = [[]]

    def teardown(self) -> None:
        if hasattr(self, "warm"):
            for log in (self.warm, self.lagging, self.forgetful):
                self.run(log.close())

    def read(self, log: EventLog, **view: Any) -> Any:
        return self.run(Conversation(log, NAME).read(**view))[:2]

    def append(self, event: Any) -> None:
        head = len(self.past) - 1
        self.run(self.warm.append(NAME, event, expected_version=head))

    @rule(items=BATCH)
    def add(self, items: list[Any]) -> None:
        self.run(Conversation(self.warm, NAME).add(items))
        if items:
            self.past.append(self.past[-1] + items)

    @rule(times=st.integers(1, 9))
    def pop(self, times: int) -> None:
        for _ in range(times):
            now = self.past[-1]
            popped = self.run(Conversation(self.warm, NAME).pop())
            assert popped == (now[-1] if now else None)
            if now:
                self.past.append(now[:-1])

    @rule()
    def clear(self) -> None:
        self.run(Conversation(self.warm, NAME).clear())
        self.past.append([])

    @rule(data=st.data())
    def rewind(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(0, len(self.past) - 1))
        self.append(ConversationRewound(version))
        self.past.append(self.past[version])

    @rule(data=st.data(), items=BATCH)
    def replace(self, data: st.DataObject, items: list[Any]) -> None:
        start = data.draw(st.integers(0, len(self.past[-1])))
        self.append(ItemsReplaced(start, items))
        self.past.append(self.past[-1][:start] + items)

    @rule()
    def let_snapshots_be_stored(self) -> None:
        for log in (self.warm, self.lagging, self.forgetful):
            self.run(log.spi.background.finish())

    @rule(whole=st.booleans())
    def make_snapshots_anew(self, whole: bool) -> None:
        self.run(rebuild(self.lagging, None if whole else NAME))

    @rule()
    def read_what_lags(self) -> None:
        assert self.read(self.lagging) == (len(self.past) - 1, self.past[-1])

    @rule(data=st.data(), limit=st.none() | LIMIT)
    def read_the_past(self, data: st.DataObject, limit: int | None) -> None:
        version = data.draw(st.integers(0, len(self.past) - 1))
        expected = (version, last(self.past[version], limit))
        log = data.draw(st.sampled_from([self.warm, self.lagging, self.forgetful]))
        assert self.read(log, as_of=version, limit=limit) == expected

    @rule(limit=LIMIT)
    def read_the_end(self, limit: int) -> None:
        expected = (len(self.past) - 1, last(self.past[-1], limit))
        assert self.read(self.forgetful, limit=limit) == expected
        assert self.read(self.lagging, limit=limit) == expected
        assert self.read(self.warm, limit=limit) == expected

    @invariant()
    def warm_and_cold_agree(self) -> None:
        if hasattr(self, "forgetful"):
            expected = (len(self.past) - 1, self.past[-1])
            assert self.read(self.warm) == expected
            assert self.read(self.forgetful) == expected


def last(items: list[Any], limit: int | None) -> list[Any]:
    return items if limit is None else items[max(0, len(items) - limit) :]


@pytest.mark.parametrize(("name", "examples"), [("sqlite", 20), ("postgres", 8)])
def test_every_way_of_reading_agrees_with_a_list(
    name: str, examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warm, lagging, without a cache, limited, past, rebuilt: what a list of lists says."""
    make_small(monkeypatch)

    play(Machine, name, tmp_path, examples=examples, steps=25)
