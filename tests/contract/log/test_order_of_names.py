"""Names compare and sort by code point, whatever the locale of the database."""

import asyncio
import uuid
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog import EventLog, ItemsAdded
from eventlog.format.names import MAX_BYTES
from eventlog_projections import Conversation
from eventlog_projections.views import Views, branches
from tests.backends import EVERY_LOCALE, Backend

pytestmark = EVERY_LOCALE

NAMES = ["a", "A", "a-1", "a2", "a-3", "á", "b", "B", "a b", "_a", "Z", "z", "ß", "ss", "İ", "i"]
EDGES = ["\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "e\u0301", "\u00e9", "\x01", "~"]
"""In UTF-16 the order of some of these is another, and Unicode calls two of them equal."""


async def fill(log: EventLog, names: list[str]) -> None:
    for name in names:
        await log.append(name, ItemsAdded([name]))


async def test_conversations_are_listed_by_code_point(log: EventLog) -> None:
    """As Python sorts them: no letter, mark or sign is left out or counted twice."""
    await fill(log, [*NAMES, *EDGES])
    listed = [row.name async for row in log.streams()]
    assert listed == sorted([*NAMES, *EDGES])


async def test_a_page_begins_behind_any_name(log: EventLog) -> None:
    """Whether or not there is a conversation of that name."""
    await fill(log, NAMES)
    for after in [*NAMES, *EDGES, "a-", "a-2", "aa"]:
        listed = [row.name async for row in log.streams(after=after)]
        assert listed == sorted(name for name in NAMES if name > after), after


async def test_branches_are_listed_by_code_point(log: EventLog) -> None:
    """Alone, and among all conversations, where the main branch is the first of its own."""
    await fill(log, ["chat", "chat-2", "Chat"])
    names = [*NAMES, *EDGES]
    for name in names:
        await log.append("chat", ItemsAdded(["x"]), branch=name)
    assert [row.branch async for row in log.branches("chat")] == sorted(names)
    everything = [(row.name, row.branch) async for row in log.streams(branches=True)]
    assert everything == sorted(everything)
    assert len(everything) == len(names) + 3


async def test_the_longest_names_are_stored_and_listed(backend: Backend) -> None:
    """Tenant, conversation and branch of 1000 bytes each that nothing compresses."""
    random = Random(1)
    tenant, name, *names = (
        "".join(chr(random.randrange(33, 127)) for _ in range(MAX_BYTES)) for _ in range(5)
    )
    async with backend.open(tenant=tenant) as log:
        for branch in ("", *names):
            await log.append(name, ItemsAdded(["x"]), branch=branch)
        assert [row.branch async for row in log.branches(name)] == sorted(names)
        assert [row.branch async for row in log.streams(branches=True)] == sorted(["", *names])


async def test_pages_of_one_row_lose_nothing(log: EventLog) -> None:
    """Each begins behind the one before, as pages of a thousand do."""
    names = [*NAMES, *EDGES]
    await fill(log, names)
    store, tenant = log.spi.store, log.tenant
    found, place = [], ("", "")
    while page := await store.streams.every_page(tenant, place, 1):
        place = (page[0].name, page[0].branch)
        found.append(page[0].name)
    assert found == sorted(names)


async def test_texts_of_views_sort_by_code_point(log: EventLog) -> None:
    """A view's rows come in the order of its columns, and a page begins behind a row."""
    conversation = Conversation(log, "chat")
    await conversation.add(["x"])
    for name in NAMES:
        await conversation.fork("chat", branch=name)
    listed = [row.branch for row in await branches(Views(log), "chat")]
    assert listed == ["", *sorted(NAMES)]


async def test_every_text_of_a_log_is_one_that_sorts_by_code_point(
    log: EventLog, backend: Backend
) -> None:
    """In tables and in views: no column is left to the locale."""
    if backend.name == "sqlite":
        return  # A column there compares bytes unless its table says otherwise.
    await Conversation(log, "chat").add(["x"])
    await Views(log).catch_up()
    found = await backend.execute(OTHER_COLLATIONS, backend.options["schema"])
    assert found == [("eventlog_version", "version_num")]  # Alembic's, of one row.


OTHER_COLLATIONS = """
SELECT relname::text, attname::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = (?::text)::regnamespace AND relkind IN ('r', 'p', 'v') AND attnum > 0
AND attcollation NOT IN (0, '"C"'::regcollation) AND NOT attisdropped
"""

TEXTS: Any = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_characters="\0"),
        st.sampled_from("aAáÁ-_ .ßsiİI\u0131\u0301\ud7ff\ue000\uffff\U00010000\U0010ffff"),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(TEXTS, unique=True, min_size=2, max_size=20), after=TEXTS)
def test_any_names_sort_as_python_sorts_them(
    backend: Backend, names: list[str], after: str
) -> None:
    """Signs, cases, accents, what lies behind surrogates: only bytes of UTF-8 count."""

    async def listed() -> tuple[list[str], list[str]]:
        async with backend.open(tenant=uuid.uuid4().hex) as log:
            await asyncio.gather(*(log.append(name, ItemsAdded(["x"])) for name in names))
            every = [row.name async for row in log.streams()]
            return every, [row.name async for row in log.streams(after=after)]

    every, behind = asyncio.run(listed())
    assert every == sorted(names)
    assert behind == sorted(name for name in names if name > after)
