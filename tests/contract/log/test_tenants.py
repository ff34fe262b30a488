"""One tenant cannot read, list, search or count another's, whatever it asks and however."""

import re

import eventlog_projections
from eventlog import EventLog, ItemsAdded, Results
from eventlog.handle import Handle
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from eventlog_projections import views as of_views
from eventlog_projections.views import Views
from tests.backends import Backend
from tests.contract.log import tenant_reads as reads


def test_every_public_name_is_asked_or_said_not_to_read() -> None:
    """Who adds one says here how it reads; or it has nothing to tell."""
    log = EventLog(":memory:")
    views = reads.first_words(reads.raw_view_reads(log, "a"))
    for of, asked, otherwise in (
        (EventLog, reads.first_words(reads.log_reads(log, "a")), reads.LOG_OTHERWISE),
        (Handle, reads.first_words(reads.handle_reads(log, "a")), reads.HANDLE_OTHERWISE),
        (
            Conversation,
            reads.first_words(reads.conversation_reads(log, "a")),
            reads.CONVERSATION_OTHERWISE,
        ),
        (
            EventLogSession,
            reads.first_words(reads.session_reads(log, "a")),
            reads.SESSION_OTHERWISE,
        ),
        (
            eventlog_projections,
            reads.first_words(reads.projection_reads(log, "a")),
            reads.PROJECTION_OTHERWISE,
        ),
        (of_views, reads.first_words(reads.view_reads(log, "a")), {"snippet": "reads nothing"}),
        (Views, views, reads.RAW_VIEW_OTHERWISE),
        (Results, {"all"}, {"aclose": "reads nothing"}),
    ):
        assert reads.public(of) == asked | set(otherwise), of


async def test_a_conversation_of_another_tenant_reads_like_one_that_is_not_there(
    backend: Backend,
) -> None:
    """Of every read: the same answer, or the same error; and nothing of theirs is in any."""
    async with backend.open(tenant=reads.THEIRS) as theirs, backend.open(tenant="ours") as ours:
        await reads.fill(theirs)
        await reads.finish(theirs, backend)
        before = await Conversation(theirs, reads.SECRET).items()
        await ours.append("mine", ItemsAdded(["own"]))
        about_theirs = await reads.answers(ours, reads.SECRET)
        about_nobody = await reads.answers(ours, reads.NOBODY)
        check(about_theirs, about_nobody)
        assert await Conversation(theirs, reads.SECRET).items() == before
        assert reads.MARKER in repr(await reads.answers(theirs, reads.SECRET))


async def test_a_row_of_another_tenant_does_not_lead_an_erasure_astray(backend: Backend) -> None:
    """That it began with content of a conversation, only a stream of its tenant can say."""
    async with backend.open(tenant=reads.THEIRS) as theirs, backend.open(tenant="ours") as ours:
        await theirs.append(reads.SECRET, ItemsAdded([reads.MARKER]))
        await ours.append("mine", ItemsAdded(["own"]))
        parent = theirs.spi.stream_id(reads.SECRET)
        await backend.tamper("UPDATE {}streams SET parent_id = ? WHERE name = 'mine'", parent)
        erased = await eventlog_projections.erase(theirs, reads.SECRET, by="dpo", reason="r")
        assert [stream.stream_id for stream in erased.streams] == [parent]
        assert await Conversation(ours, "mine").items() == ["own"]


def check(theirs: dict[str, str], nobody: dict[str, str]) -> None:
    """Compare what was answered."""
    for what, answer in theirs.items():
        assert reads.MARKER not in answer, what
        assert _plain(answer) == _plain(nobody[what]), what
    assert "'own'" in theirs["log_reads: feed"] or "mine" in theirs["log_reads: feed"]
    assert theirs["log_reads: verify"].startswith("Verification(conversations=1, events=1")


def _plain(answer: str) -> str:
    """Leave out which conversation was asked for, and where objects lie in memory."""
    return re.sub(r"0x[0-9a-f]+", "", answer.replace(reads.SECRET, reads.NOBODY))
