"""The text of items: every string that a person would read, whatever the type of the item."""

import base64
import time
from typing import Any, Final

import pytest

from eventlog_projections.items.text import MAX_TEXT, summary_of, text_of, texts

PICTURE: Final = "data:image/png;base64," + base64.b64encode(b"picture" * 99).decode()
BYTES: Final = base64.b64encode(bytes(range(256)) * 4).decode()

ITEMS: Final[list[tuple[Any, list[str]]]] = [
    ("Good morning", ["Good morning"]),
    (["a", ["b"]], ["a", "b"]),
    (7, []),
    (None, []),
    ({"role": "user", "content": "hi"}, ["hi"]),
    (
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [
                {
                    "type": "output_text",
                    "text": "said",
                    "annotations": [
                        {"type": "url_citation", "url": "https://a.example", "title": "Source"},
                        {"type": "file_citation", "file_id": "file-1", "filename": "report.pdf"},
                    ],
                    "logprobs": [{"token": "said"}],
                },
                {"type": "refusal", "refusal": "I cannot"},
            ],
        },
        ["said", "https://a.example", "Source", "report.pdf", "I cannot"],
    ),
    (
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
                {"type": "input_image", "image_url": "https://a.example/cat.png"},
                {"type": "input_file", "file_data": PICTURE, "filename": "plan.pdf"},
                {"type": "input_audio", "input_audio": {"data": BYTES, "format": "wav"}},
            ],
        },
        ["look", "auto", "https://a.example/cat.png", "plan.pdf", "wav"],
    ),
    (
        {
            "type": "shell_call",
            "id": "sh_1",
            "call_id": "call_1",
            "action": {"commands": ["ls -la", "cat notes.txt"], "timeout_ms": 9},
        },
        ["ls -la", "cat notes.txt"],
    ),
    (
        {
            "type": "local_shell_call",
            "call_id": "call_1",
            "action": {
                "type": "exec",
                "command": ["git", "log"],
                "env": {"HOME": "/home/ana"},
                "working_directory": "/src",
            },
        },
        ["git", "log", "/home/ana", "/src"],
    ),
    (
        {
            "type": "shell_call_output",
            "call_id": "call_1",
            "output": [
                {
                    "stdout": "listed",
                    "stderr": "warned",
                    "outcome": {"type": "exit", "exit_code": 1},
                }
            ],
        },
        ["listed", "warned"],
    ),
    (
        {
            "type": "apply_patch_call",
            "call_id": "call_1",
            "operation": {"type": "update_file", "path": "a.py", "diff": "-old\n+new"},
        },
        ["a.py", "-old\n+new"],
    ),
    (
        {
            "type": "web_search_call",
            "id": "ws_1",
            "action": {
                "type": "search",
                "query": "rain",
                "queries": ["rain", "spain"],
                "sources": [{"type": "url", "url": "https://b.example"}],
            },
        },
        ["rain", "spain", "rain", "https://b.example"],
    ),
    (
        {
            "type": "file_search_call",
            "id": "fs_1",
            "queries": ["budget"],
            "results": [
                {
                    "file_id": "file-1",
                    "filename": "budget.xlsx",
                    "text": "49 EUR",
                    "attributes": {"author": "Ana", "year": 2026},
                }
            ],
        },
        ["budget", "49 EUR", "budget.xlsx", "Ana"],
    ),
    (
        {
            "type": "code_interpreter_call",
            "id": "ci_1",
            "container_id": "cntr_1",
            "code": "print(1)",
            "outputs": [
                {"type": "logs", "logs": "1"},
                {"type": "image", "url": "https://c.example/p.png"},
            ],
        },
        ["print(1)", "1", "https://c.example/p.png"],
    ),
    (
        {
            "type": "computer_call",
            "call_id": "call_1",
            "action": {"type": "type", "text": "typed"},
            "pending_safety_checks": [{"id": "sc_1", "code": "odd", "message": "careful"}],
        },
        ["typed", "odd", "careful"],
    ),
    (
        {"type": "computer_call", "action": {"type": "keypress", "keys": ["CTRL", "A"]}},
        ["CTRL", "A"],
    ),
    (
        {
            "type": "computer_call_output",
            "call_id": "c",
            "output": {"type": "computer_screenshot", "image_url": PICTURE},
        },
        [],
    ),
    (
        {
            "type": "mcp_call",
            "id": "mcp_1",
            "server_label": "wiki",
            "name": "read",
            "arguments": '{"page": "Oslo"}',
            "output": "Oslo is",
            "error": None,
            "approval_request_id": "mcpr_1",
        },
        ["read", '{"page": "Oslo"}', "Oslo is", "wiki"],
    ),
    (
        {
            "type": "mcp_approval_response",
            "approval_request_id": "mcpr_1",
            "approve": False,
            "reason": "too dear",
        },
        ["too dear"],
    ),
    (
        {
            "type": "mcp_list_tools",
            "server_label": "wiki",
            "tools": [{"name": "read", "description": "Reads", "input_schema": {"type": "object"}}],
        },
        ["wiki", "read", "Reads"],
    ),
    (
        {"type": "custom_tool_call", "call_id": "c", "name": "sql", "input": "SELECT 1"},
        ["sql", "SELECT 1"],
    ),
    ({"type": "function_call_output", "call_id": "c", "output": [{"text": "sunny"}]}, ["sunny"]),
    (
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "thought"}],
            "content": [{"type": "reasoning_text", "text": "deeply"}],
            "encrypted_content": "gAAAA",
        },
        ["deeply", "thought"],
    ),
    ({"type": "image_generation_call", "result": BYTES, "revised_prompt": "a cat"}, ["a cat"]),
    ({"type": "compaction", "encrypted_content": "gAAAA"}, []),
    (
        {
            "type": "of tomorrow",
            "sessionId": "x",
            "said": {"by": "Ana", "note": ["hello", {"n": 1}]},
        },
        ["Ana", "hello"],
    ),
    ({"type": "image", "data": "rain"}, []),
    ({"type": "of tomorrow", "data": {"note": "hello"}}, ["hello"]),
    ({"type": "of tomorrow", "data": "hello there"}, ["hello there"]),
    ({"role": "user", "content": "x" * 1000}, ["x" * 1000]),
]


@pytest.mark.parametrize(("item", "expected"), ITEMS)
def test_an_item_has_these_texts(item: Any, expected: list[str]) -> None:
    """No identifiers, no words of the protocol, no payloads; everything else."""
    assert texts(item) == expected
    assert text_of(item) == "\n".join(expected)


def test_the_text_of_an_item_is_bounded_in_length_and_time() -> None:
    """Ten megabytes, a million strings, a thousand levels."""
    deep: Any = "deep"
    for _ in range(100_000):
        deep = {"a": [deep]}
    started = time.monotonic()
    assert text_of(deep) == "deep"
    assert len(text_of({"content": "x" * 10_000_000})) == MAX_TEXT
    assert len(text_of({"content": ["word"] * 1_000_000})) <= MAX_TEXT
    assert text_of({"result": "QUJD" * 2_500_000, "after": "said"}) == "said"
    assert time.monotonic() - started < 20


def test_a_summary_is_what_was_said_in_one_line() -> None:
    """No addresses of pictures, and not more than a list shows."""
    content = [{"type": "input_text", "text": "look\n  at"}, {"image_url": "https://a.example"}]
    assert summary_of({"role": "user", "content": [*content, {"text": "this"}]}) == "look at this"
    assert summary_of({"content": "so long " * 99}) == ("so long " * 99)[:200]
    assert summary_of("Good morning") == ""
