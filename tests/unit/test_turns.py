"""Where turns begin, and that no call is parted from its output. Pure."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog_projections.items.turns import start_of_last

U: Any = {"role": "user", "content": "a question"}
A: Any = {"role": "assistant", "content": "an answer"}
SYSTEM: Any = {"role": "system", "content": "be kind"}
COMPACTED: Any = {"type": "compaction", "encrypted_content": "..."}
REASONING: Any = {"type": "reasoning", "id": "rs_1", "summary": []}


def call(name: str, kind: str = "function_call", key: str = "call_id") -> Any:
    return {"type": kind, key: name}


def output(name: str, kind: str = "function_call_output", key: str = "call_id") -> Any:
    return {"type": kind, key: name}


KINDS: list[tuple[str, str, str, str]] = [
    ("function_call", "call_id", "function_call_output", "call_id"),
    ("computer_call", "call_id", "computer_call_output", "call_id"),
    ("custom_tool_call", "call_id", "custom_tool_call_output", "call_id"),
    ("local_shell_call", "id", "local_shell_call_output", "id"),
    ("shell_call", "call_id", "shell_call_output", "call_id"),
    ("apply_patch_call", "call_id", "apply_patch_call_output", "call_id"),
    ("tool_search_call", "call_id", "tool_search_output", "call_id"),
    ("mcp_approval_request", "id", "mcp_approval_response", "approval_request_id"),
]


@pytest.mark.parametrize(
    ("items", "turns", "start"),
    [
        ([], 1, None),
        ([A, SYSTEM, COMPACTED], 1, None),
        ([U], 1, 0),
        ([U, A], 1, 0),
        ([U, A, U, A], 1, 2),
        ([U, A, U, A], 2, 0),
        ([U, A, U, A], 3, None),
        ([U, U], 1, 1),
        ([SYSTEM, COMPACTED, U, REASONING, call("1"), output("1"), A], 1, 2),
        ([U, REASONING, A, U], 1, 3),
        (["no object", 1, None, U, [U], {"role": ["user"]}, {"type": 5}], 1, 3),
        ([U, {"type": "function_call_output", "call_id": ["unhashable"]}], 1, 0),
    ],
)
def test_a_turn_begins_with_a_users_message(items: list[Any], turns: int, start: Any) -> None:
    """And what is before the first one is of no turn."""
    assert start_of_last(items, turns, is_whole_list=True) == start


@pytest.mark.parametrize(("asks", "by", "answers", "to"), KINDS)
def test_a_call_is_not_parted_from_its_output(asks: str, by: str, answers: str, to: str) -> None:
    """A user who spoke in between makes the two turns go together."""
    begun, ended = call("1", asks, by), output("1", answers, to)
    items = [U, A, U, begun, U, ended, A]
    for is_whole in (True, False):
        assert start_of_last(items, 1, is_whole_list=is_whole) == 2
        assert start_of_last(items, 2, is_whole_list=is_whole) == 2
        assert start_of_last(items, 3, is_whole_list=is_whole) == 0
    assert start_of_last([U, begun, ended, U], 1, is_whole_list=True) == 3


def test_an_output_without_a_call_is_in_nobodys_way() -> None:
    """In a whole list there is nothing that it could be parted from."""
    items = [U, A, U, output("nobody's")]
    assert start_of_last(items, 1, is_whole_list=True) == 2
    assert start_of_last(items, 1, is_whole_list=False) is None


def test_a_call_that_still_waits_is_in_nobodys_way() -> None:
    """A run was interrupted before it: there is no output to part it from."""
    assert start_of_last([U, call("1"), U, A], 1, is_whole_list=True) == 2


ITEM = st.sampled_from([U, A, REASONING, *map(call, "12"), *map(output, "12")])


@given(st.lists(ITEM, max_size=20), st.integers(1, 4), st.integers(0, 20))
def test_a_part_of_a_list_never_says_what_the_whole_would_not(
    items: list[Any], turns: int, skipped: int
) -> None:
    """From the end of a list the beginning is the same, or is not found yet."""
    whole = start_of_last(items, turns, is_whole_list=True)
    part = start_of_last(items[skipped:], turns, is_whole_list=False)
    assert part is None or part + skipped == whole


@given(st.lists(ITEM, max_size=20), st.integers(1, 4))
def test_what_is_left_keeps_its_pairs(items: list[Any], turns: int) -> None:
    """No output behind the beginning answers a call before it: what was answered is answered."""
    start = start_of_last(items, turns, is_whole_list=True)
    if start is None:
        return
    assert items[start] == U
    for name in "12":
        before = behind = 0
        for index, item in enumerate(items):
            if item == call(name):
                before, behind = (before + 1, 0) if index < start else (before, behind + 1)
            elif item == output(name) and index < start:
                before = max(0, before - 1)
            elif item == output(name):
                assert behind or not before
                behind = max(0, behind - 1)
