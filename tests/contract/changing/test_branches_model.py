"""Many lists that fork from each other, against plain lists: whatever is done, they agree."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from eventlog import EventLog
from eventlog.errors import NoSuchTurnError, NothingToRedoError
from eventlog.format.names import MAIN
from eventlog_projections import (
    Conversation,
    HistoryEvent,
    rebuild,
)
from eventlog_projections.history.events import timeline
from eventlog_projections.history.timeline import Span, spans
from eventlog_projections.items.states import StateReader
from eventlog_projections.stream import Stream
from tests.elsewhere import make_small
from tests.machines import LogMachine, play

ITEM = st.sampled_from(["user", "assistant", "reasoning"])
BATCH = st.lists(ITEM, max_size=5)
DATA = st.data()


class Moment(NamedTuple):
    """The list at a version, and at which versions what can be redone there was undone."""

    items: list[Any]
    undone: tuple[int, ...] = ()


class Line:
    """What one stream should be."""

    def __init__(self, chat: Conversation, begin: list[Moment]) -> None:
        self.chat = chat
        self.past = begin

    @property
    def head(self) -> int:
        return len(self.past) - 1

    @property
    def items(self) -> list[Any]:
        return self.past[-1].items

    def became(self, items: list[Any], undone: tuple[int, ...] = ()) -> None:
        self.past.append(Moment(items, undone))


class Machine(LogMachine):
    """Rules change one line, and only that one; the invariants compare all."""

    def start(self) -> None:
        self.said = 0
        self.log: EventLog = self.backend.open(tenant=self.tenant)
        self.lines = [Line(Conversation(self.log, "chat"), [Moment([])])]

    def teardown(self) -> None:
        if hasattr(self, "log"):
            assert self.run(self.log.verify()).ok
            self.run(self.log.close())

    def line(self, data: st.DataObject) -> Line:
        return data.draw(st.sampled_from(self.lines))

    def new(self, roles: list[str]) -> list[Any]:
        self.said += len(roles)
        return [{"role": role, "n": self.said + index} for index, role in enumerate(roles)]

    @rule()
    def reopen(self) -> None:
        self.run(self.log.close())
        self.log = self.backend.open(tenant=self.tenant)
        for line in self.lines:
            line.chat = Conversation(self.log, line.chat.name, line.chat.branch)

    @rule(data=DATA)
    def forget(self, data: st.DataObject) -> None:
        self.run(StateReader(self.log, *place(self.line(data).chat)).evict())

    @rule(data=DATA)
    def store_a_snapshot(self, data: st.DataObject) -> None:
        self.run(StateReader(self.log, *place(self.line(data).chat)).save())

    @rule()
    def make_all_snapshots_anew(self) -> None:
        self.run(rebuild(self.log))

    @rule(data=DATA)
    def lose_snapshots(self, data: st.DataObject) -> None:
        self.run(StateReader(self.log, *place(self.line(data).chat)).drop())

    @rule(data=DATA, roles=BATCH)
    def add(self, data: st.DataObject, roles: list[str]) -> None:
        line, items = self.line(data), self.new(roles)
        self.run(line.chat.add(items))
        if items:
            line.became(line.items + items)

    @rule(data=DATA)
    def pop(self, data: st.DataObject) -> None:
        line = self.line(data)
        assert self.run(line.chat.pop()) == (line.items[-1] if line.items else None)
        if line.items:
            line.became(line.items[:-1])

    @rule(data=DATA)
    def clear(self, data: st.DataObject) -> None:
        line = self.line(data)
        self.run(line.chat.clear())
        line.became([])

    @rule(data=DATA, roles=BATCH)
    def replace(self, data: st.DataObject, roles: list[str]) -> None:
        line, items = self.line(data), self.new(roles)
        start = data.draw(st.integers(0, len(line.items)))
        self.run(line.chat.replace(start, items, self.run(line.chat.read())))
        line.became(line.items[:start] + items)

    @rule(data=DATA)
    def go_back(self, data: st.DataObject) -> None:
        line = self.line(data)
        version = data.draw(st.integers(0, line.head))
        self.run(line.chat.restore(version))
        line.became(*line.past[version])

    @rule(data=DATA, turns=st.integers(1, 3))
    def undo(self, data: st.DataObject, turns: int) -> None:
        line = self.line(data)
        users = [index for index, item in enumerate(line.items) if item["role"] == "user"]
        if len(users) < turns:
            with pytest.raises(NoSuchTurnError):
                self.run(line.chat.undo(turns))
        else:
            self.run(line.chat.undo(turns))
            line.became(line.items[: users[-turns]], (*line.past[-1].undone, line.head))

    @rule(data=DATA)
    def redo(self, data: st.DataObject) -> None:
        line = self.line(data)
        undone = line.past[-1].undone
        if undone:
            self.run(line.chat.redo())
            line.became(*line.past[undone[-1]])
        else:
            with pytest.raises(NothingToRedoError):
                self.run(line.chat.redo())

    @rule(data=DATA, is_branch=st.booleans())
    def fork(self, data: st.DataObject, is_branch: bool) -> None:
        line, number = self.line(data), len(self.lines)
        name, branch = ("chat", f"branch {number}") if is_branch else (f"chat {number}", MAIN)
        version = data.draw(st.integers(0, line.head))
        then = line.past[version].items
        kept = data.draw(st.none() | st.integers(0, len(then)))
        new = self.run(line.chat.fork(name, branch=branch, at=version, kept=kept))
        self.lines.append(Line(new, [Moment([]), Moment(then[:kept])]))

    @invariant()
    def the_present_of_each_agrees(self) -> None:
        for line in self.lines if hasattr(self, "lines") else ():
            view = self.run(line.chat.read())
            assert (view.version, view.items, view.total) == (
                line.head,
                line.items,
                len(line.items),
            )

    @rule(data=DATA, limit=st.none() | st.integers(0, 6))
    def the_past_agrees(self, data: st.DataObject, limit: int | None) -> None:
        line = self.line(data)
        version = data.draw(st.integers(0, line.head))
        then = line.past[version].items
        expected = then if limit is None else then[max(0, len(then) - limit) :]
        assert self.run(line.chat.items(as_of=version, limit=limit)) == expected

    @rule(data=DATA)
    def differences_agree(self, data: st.DataObject) -> None:
        line = self.line(data)
        a, b = data.draw(st.tuples(*[st.integers(0, line.head)] * 2))
        found = self.run(line.chat.diff(a, b))
        before, after = line.past[a].items, line.past[b].items
        assert before[: found.common] == after[: found.common]
        assert found.removed == before[found.common :]
        assert found.added == after[found.common :]
        assert found.removed[:1] != found.added[:1] or not found.removed

    @rule(data=DATA)
    def the_history_agrees(self, data: st.DataObject) -> None:
        line = self.line(data)
        told: list[HistoryEvent] = self.run(line.chat.history().all())
        assert [event.version for event in told] == list(range(1, line.head + 1))
        assert [event.total for event in told] == [len(then.items) for then in line.past[1:]]
        listed = [item.item for event in told for item in event.items if item.is_listed]
        begun = line.past[1].items if line.head and told[0].kind == "forked" else []
        inherited = [item for item in line.items if item in begun]
        assert inherited + listed == line.items
        for event, before, after in zip(told, line.past, line.past[1:], strict=False):
            stayed = len(before.items) - size(event.removed)
            assert stayed + size(event.restored) + len(event.items) == len(after.items)

    @rule(data=DATA)
    def where_items_come_from_agrees(self, data: st.DataObject) -> None:
        line = self.line(data)
        folded = self.run(timeline(Stream(self.log, *place(line.chat))))
        assert [size(spans(then)) for then in folded.lists.values()] == [
            len(then.items) for then in line.past
        ]


def place(chat: Conversation) -> tuple[str, str]:
    return chat.name, chat.branch


def size(found: Any) -> int:
    return sum(span.stop - span.start for span in found)


def test_a_span_counts_what_is_in_it() -> None:
    """The model's own arithmetic."""
    assert size([Span(1, 0, 2), Span(3, 1, 2)]) == 3


@pytest.mark.parametrize(("name", "examples"), [("sqlite", 40), ("postgres", 12)])
def test_every_sequence_of_changes_to_many_branches_agrees_with_lists(
    name: str, examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forks of forks, undo, redo, caches dropped, snapshots stored and lost: nothing mixes."""
    make_small(monkeypatch)

    play(Machine, name, tmp_path, examples=examples, steps=30)
