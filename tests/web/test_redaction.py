"""What was redacted is nowhere in the file that is given away, in whatever form it could be."""

import html
import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog import Context, EventLog, InvalidInputError, ItemsAdded, NewEvent
from eventlog_projections import Conversation
from eventlog_web.redacting import MARK, Redactor
from eventlog_web.sharing import share

SECRET: Final = 'k7Zq"é<9'
"""It is written in another way in JSON, in HTML, and in JSON with escapes."""

NUMBER: Final = 4111222233334444

_texts = st.sampled_from(
    ["", "hello ", "a\n\n```\n", "[link](https://example.com/", '{"x": "', "**"]
)


def _inside(text: str) -> st.SearchStrategy[Any]:
    """Return values of JSON that hold a text: as text, key, or in JSON of its own."""
    leaves = st.one_of(
        st.builds(lambda before, after: f"{before}{text}{after}", _texts, _texts),
        st.just({text: 1}),
        st.just({"n": NUMBER}),
        st.just(json.dumps({"deep": [text, NUMBER]})),
        st.just(json.dumps({"deep": json.dumps([text])})),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=2),
            st.dictionaries(st.text(max_size=3), inner, min_size=1),
        ),
        max_leaves=4,
    )


_items = st.one_of(
    st.builds(lambda said: {"role": "user", "content": said}, _inside(SECRET)),
    st.builds(
        lambda said: {"type": "function_call", "call_id": "c", "name": "f", "arguments": said},
        _inside(SECRET),
    ),
    st.builds(
        lambda said: {"type": "function_call_output", "call_id": "c", "output": said},
        _inside(SECRET),
    ),
    st.builds(lambda said: {"type": "reasoning", "summary": [{"text": said}]}, _inside(SECRET)),
    _inside(SECRET),
)


def forms(secret: str) -> set[str]:
    """Return how a text may be written in a page."""
    plain = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return plain | {html.escape(each) for each in plain} | {str(NUMBER)}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(_items, min_size=1, max_size=4))
async def test_what_matches_is_nowhere(tmp_path: Path, items: list[Any]) -> None:
    """In items of any shape, labels, contexts and reasons; as text, key, number, or JSON inside."""
    async with EventLog(":memory:") as log:
        chat = Conversation(log, f"about {SECRET}")
        context = Context(actor=SECRET, run_id=SECRET, trace_metadata={SECRET: [SECRET]})
        await chat.label(title=SECRET, owner=SECRET, tags=[SECRET], context=context)
        await chat.append(NewEvent(ItemsAdded(items), context))
        await chat.pop(reason=SECRET, context=context)
        await chat.clear(reason=SECRET)
        fork = await chat.fork("other", at=2, reason=SECRET, context=context)
        for each in (chat, fork):
            text = await share(each, redactor=Redactor(pattern="k7Zq.{0,2}é<9|4111222233334444"))
            assert not [form for form in forms(SECRET) if form in text]
            assert MARK in text


async def test_each_name_has_a_mark_of_its_own() -> None:
    """So that one still sees who is who."""
    redactor = Redactor(names=True)
    redactor.learn(["user:ada", "agent:Bot"])
    assert redactor.text("Ada asked Bot") == "[name 1] asked [name 2]"
    assert redactor.context(Context(actor="user:ada", agent="Bot")) == Context(
        actor="[name 1]", agent="[name 2]"
    )


async def test_arguments_and_results_are_left_out_and_stay_a_pair() -> None:
    """What a tool was called with and what it said; that it was called, and answered, is told."""
    redactor = Redactor(arguments=True)
    call = {"type": "function_call", "call_id": "c1", "name": "pay", "arguments": '{"card": 1}'}
    output = {"type": "function_call_output", "call_id": "c1", "output": "done"}
    assert redactor.item(call) == call | {"arguments": MARK}
    assert redactor.item(output) == output | {"output": MARK}


def test_what_is_no_expression_is_refused() -> None:
    """Before anything is written."""
    with pytest.raises(InvalidInputError):
        Redactor(pattern="(")
