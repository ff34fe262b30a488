"""The views against a naive fold of the whole log: whatever happens, they agree."""

import asyncio
import contextlib
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from eventlog import EventLog, ItemsReplaced
from eventlog.errors import NoSuchTurnError, NothingToRedoError
from eventlog.events import BranchDeleted, ConversationRewound
from eventlog_projections import Conversation
from eventlog_projections.views import BUILT_IN, Views
from tests.backends import Backend
from tests.conftest import open_backend
from tests.contract.views.asked import ask, small_batches
from tests.contract.views.oracle import tell
from tests.usage import used
from tests.waiting import LONG

WORDS = st.sampled_from(["rain", "sun", "zug \ud800", "nul \0", "grüße"])
IDS = st.sampled_from(["c1", "c2", ""])
ITEMS = st.one_of(
    st.builds(lambda text: {"role": "user", "content": text}, WORDS),
    st.builds(lambda text: {"role": "assistant", "content": text}, WORDS),
    st.builds(lambda call: {"type": "function_call", "call_id": call, "name": "f"}, IDS),
    st.builds(lambda call: {"type": "function_call_output", "call_id": call, "output": ""}, IDS),
    st.just(7),
)
BATCHES = st.lists(ITEMS, min_size=1, max_size=4)
NUMBERS = st.integers(0, 20)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), BATCHES),
        st.tuples(st.just("replace"), NUMBERS, BATCHES),
        st.tuples(st.just("rewind"), NUMBERS, st.none() | NUMBERS),
        st.tuples(st.just("use"), st.integers(1, 2), NUMBERS),
        st.sampled_from([(name,) for name in ("pop", "clear", "undo", "redo", "delete", "look")]),
        st.tuples(st.just("label"), WORDS),
    ),
    min_size=8,
    max_size=25,
)


async def take(log: EventLog, chat: Conversation, step: tuple[Any, ...]) -> None:  # noqa: C901
    match step:
        case ("add", items):
            await chat.add(items)
        case ("replace", number, items):
            view = await chat.read(limit=0)
            start = number % (view.total + 1)
            await log.append(chat.name, ItemsReplaced(start, items), branch=chat.branch)
        case ("rewind", number, kept):
            head = await log.version(chat.name, branch=chat.branch)
            version = number % (head + 1)
            then = (await chat.read(as_of=version, limit=0)).total
            kept = None if kept is None else kept % (then + 1)
            rewound = ConversationRewound(version, kept)
            await log.append(chat.name, rewound, branch=chat.branch, expected_version=head)
        case ("use", requests, tokens):
            await log.append(
                chat.name, used(tokens, 2, requests=requests, model="m"), branch=chat.branch
            )
        case ("pop",):
            await chat.pop()
        case ("clear",):
            await chat.clear()
        case ("undo",):
            with contextlib.suppress(NoSuchTurnError):
                await chat.undo()
        case ("redo",):
            with contextlib.suppress(NothingToRedoError):
                await chat.redo()
        case ("delete",):
            await log.append(chat.name, BranchDeleted(), branch=chat.branch)
        case ("label", title):
            await chat.label(title=title.replace("\ud800", ""), owner="ana")
        case _:
            raise AssertionError(step)


async def play(backend: Backend, steps: Any, forked: Any) -> None:
    tenant = uuid.uuid4().hex
    async with backend.open(tenant=tenant, durability="normal") as log:
        views = Views(log)
        main = Conversation(log, "chat")
        await main.add([{"role": "user", "content": "begin"}])
        branch = await main.fork("chat", branch="side")
        for chat, taken in ((main, steps), (branch, forked)):
            for step in taken:
                if step == ("look",):
                    await views.catch_up()
                else:
                    await take(log, chat, step)
        for name in ("", "side"):
            said = await ask(log, views, "chat", name)
            expected = await tell(log, "chat", name)
            assert without_labels(said, name) == without_labels(expected, name)


async def compare(backend: Backend) -> None:
    """Make the views of all that was played anew: once, since each view is of all tenants."""
    async with backend.open(durability="normal") as log:
        views = Views(log)
        for projection in BUILT_IN:
            assert await views.check(projection.name) == []


def without_labels(told: Any, branch: str) -> Any:
    """Labels and the first message are the conversation's, which are those of its main branch."""
    texts = {(*place, shown(text), removed) for *place, text, removed in told.texts}
    told = told._replace(texts=texts, first=told.first and shown(told.first))
    if branch:
        return told._replace(labels=(None, None), first=None)
    title, owner = told.labels
    return told._replace(labels=(title and shown(title), owner))


def shown(text: str) -> str:
    """As databases take it."""
    return text.replace("\ud800", "?").replace("\0", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize(
    ("name", "examples"), [("sqlite", 300 if LONG else 12), ("postgres", 100 if LONG else 6)]
)
def test_views_are_what_a_naive_fold_of_the_log_says(
    name: str, examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any changes, in small batches, with looks in between; and made anew they agree."""
    small_batches(monkeypatch, 4)

    async def begin() -> None:
        async with open_backend(name, tmp_path) as opened:
            await asyncio.to_thread(run, opened)

    def run(opened: Backend) -> None:
        with asyncio.Runner() as loop:

            @settings(
                max_examples=examples,
                phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            )
            @given(STEPS, STEPS)
            def agree(steps: Any, forked: Any) -> None:
                loop.run(play(opened, steps, forked))

            agree()
            loop.run(compare(opened))

    asyncio.run(begin())
