"""An item in words: every type that the Agents SDK knows, and whatever JSON else."""

import json
import pkgutil
from typing import Any, Final, get_args, get_type_hints

import openai.types.responses
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import response_input_item_param

from eventlog_projections.items import telling
from eventlog_projections.items.telling import Told, tell

PICTURE: Final = "data:image/png;base64," + "iVBORw0KGgo" * 1000

ITEMS: Final[list[tuple[dict[str, Any], str, str]]] = [
    ({"role": "user", "content": "hi"}, "user", "hi"),
    ({"type": "message", "role": "assistant", "content": [{"text": "yo"}]}, "agent", "yo"),
    (
        {"type": "function_call", "name": "f", "arguments": '{"a": 1, "b": "x"}'},
        "call",
        'f(a=1, b="x")',
    ),
    ({"type": "function_call", "name": "f", "arguments": "no json"}, "call", "f(no json)"),
    ({"type": "function_call_output", "output": "done"}, "result", "done"),
    ({"type": "function_call", "name": "transfer_to_billing"}, "handoff", "to billing"),
    ({"type": "function_call_output", "output": '{"assistant": "B"}'}, "handoff", "B takes over"),
    ({"type": "shell_call", "action": {"commands": ["ls", "pwd"]}}, "shell", "$ ls\n$ pwd"),
    (
        {
            "type": "shell_call_output",
            "output": [{"stdout": "a", "stderr": "b", "outcome": {"type": "exit", "exit_code": 2}}],
        },
        "result",
        "a\nb\nexit code 2",
    ),
    (
        {"type": "local_shell_call", "action": {"command": ["ls", "-l"]}},
        "shell",
        "$ ls -l",
    ),
    (
        {
            "type": "apply_patch_call",
            "operation": {"type": "update_file", "path": "a.py", "diff": "+x"},
        },
        "patch",
        "update file a.py\n+x",
    ),
    ({"type": "web_search_call", "action": {"type": "search", "query": "q"}}, "web", "search q"),
    ({"type": "file_search_call", "queries": ["q"], "results": None}, "files", "search q"),
    (
        {"type": "code_interpreter_call", "code": "1+1", "outputs": [{"logs": "2"}]},
        "code",
        "1+1\n-> 2",
    ),
    (
        {"type": "computer_call", "action": {"type": "click", "x": 1, "y": 2}},
        "computer",
        "click(x=1, y=2)",
    ),
    (
        {"type": "mcp_call", "server_label": "s", "name": "f", "arguments": "{}", "output": "o"},
        "call",
        "s.f() -> o",
    ),
    ({"type": "mcp_approval_request", "name": "f", "arguments": "{}"}, "approve?", "f()"),
    (
        {"type": "mcp_approval_response", "approve": False, "reason": "no"},
        "approval",
        "refused: no",
    ),
    ({"type": "custom_tool_call", "name": "f", "input": "x"}, "call", "f(x)"),
    ({"type": "reasoning", "summary": [{"text": "hm"}]}, "thinking", "hm"),
    ({"type": "never_seen", "a": 1}, "never_seen", '{"a": 1}'),
]


@pytest.mark.parametrize(
    ("item", "label", "text"), ITEMS, ids=[each[0].get("type", "user") for each in ITEMS]
)
def test_an_item_reads_as_what_it_is(item: dict[str, Any], label: str, text: str) -> None:
    """Who speaks or what it is, and its words: a call with its arguments, a handoff as one."""
    assert tell(item)[:2] == (label, text)


def test_every_type_of_the_sdk_is_known() -> None:
    """None of those that a response takes as input is told by its JSON alone."""
    known = set(telling._TOLD)
    (union,) = (
        value
        for name, value in vars(response_input_item_param).items()
        if name == "ResponseInputItemParam"
    )
    types = set()
    for each in get_args(union):
        hint = get_type_hints(each, include_extras=False).get("type")
        types |= {value for value in _values(hint) if isinstance(value, str)}
    assert types
    assert types <= known, types - known


def _values(hint: Any) -> list[Any]:
    """Return the values of literals, however deep they are in a type."""
    args = get_args(hint)
    return [hint] if not args else [value for each in args for value in _values(each)]


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": [{"type": "input_image", "image_url": PICTURE}]},
        {"type": "function_call_output", "output": [{"type": "input_image", "image_url": PICTURE}]},
        {
            "type": "computer_call_output",
            "output": {"type": "computer_screenshot", "image_url": PICTURE},
        },
        {"type": "image_generation_call", "result": PICTURE.partition(",")[2]},
        {
            "role": "user",
            "content": [{"type": "input_file", "filename": "a.pdf", "file_data": PICTURE}],
        },
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": PICTURE}}]},
        {"type": "never_seen", "picture": PICTURE},
        {"type": "never_seen", "picture": PICTURE.partition(",")[2]},
        {"type": "function_call_output", "output": PICTURE},
    ],
)
def test_a_picture_is_named_by_its_size(item: dict[str, Any]) -> None:
    """And never shown as base64, wherever it is."""
    text = tell(item).text
    assert "iVBORw0KGgo" not in text
    assert "8.2 kB" in text


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    item=JSON,
    kind=st.sampled_from(sorted(telling._TOLD)),
    fields=st.dictionaries(
        st.sampled_from(
            [
                "name",
                "arguments",
                "output",
                "action",
                "operation",
                "queries",
                "results",
                "outputs",
                "summary",
                "content",
                "tools",
                "error",
                "code",
                "result",
                "role",
            ]
        ),
        JSON,
    ),
)
def test_whatever_json_it_is_it_is_told(item: Any, kind: str, fields: dict[str, Any]) -> None:
    """Of any shape, in any field of any type."""
    for each in (item, {"type": kind, **fields}):
        told = tell(json.loads(json.dumps(each)))
        assert isinstance(told, Told)
        assert all(isinstance(part, str) for part in (told.label, told.text, told.line))


def test_the_sdk_has_the_types_that_are_looked_at() -> None:
    """So that the test above cannot pass by looking at nothing."""
    names = [module.name for module in pkgutil.iter_modules(openai.types.responses.__path__)]
    assert "response_input_item_param" in names
