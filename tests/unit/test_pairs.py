"""Pairs of calls and answers, event by event, are those that one list of all the items has."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eventlog_projections.history.pairs import Pair, Pairs, Place
from eventlog_projections.items.calls import answers

_ids = st.sampled_from(["a", "b", ""])
_items = st.one_of(
    st.just({"role": "user", "content": "hi"}),
    st.builds(lambda id_: {"type": "function_call", "call_id": id_, "name": "f"}, _ids),
    st.builds(lambda id_: {"type": "function_call_output", "call_id": id_}, _ids),
    st.builds(lambda id_: {"type": "mcp_approval_request", "id": id_}, _ids),
    st.builds(lambda id_: {"type": "mcp_approval_response", "approval_request_id": id_}, _ids),
    st.sampled_from(["text", None, 7, [], {"type": "reasoning"}]),
)


@given(st.lists(st.lists(_items, max_size=4), max_size=8))
def test_they_are_those_of_one_list(batches: list[list[Any]]) -> None:
    """However the items are spread over events."""
    places = [Place(n, i) for n, batch in enumerate(batches, 1) for i in range(len(batch))]
    pairs = Pairs()
    found = [pair for n, batch in enumerate(batches, 1) for pair in pairs.take(n, batch)]
    whole = answers([item for batch in batches for item in batch])
    assert found == [
        Pair(places[each.call], places[each.by]) for each in whole if each.call is not None
    ]
