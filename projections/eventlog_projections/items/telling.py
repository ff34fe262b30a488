"""An item in words: who or what it is, what it says, and what is beside. Pure.

One place tells every type of item that the Agents SDK knows; what is not known is told by its JSON,
shortened. The text is as somebody wrote it: whoever shows it makes it visible (`eventlog.visible`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast

from eventlog_projections.items.parts import Json, fields_of, list_of, media, shortened, text_in

HANDOFF: Final = "transfer_to_"
"""How the SDK's tools that hand over to another agent are called."""

_ROLES: Final = {"assistant": "agent"}


class Told(NamedTuple):
    """An item in words."""

    label: str
    """Who speaks (user, agent, system, ...) or what it is: call, result, thinking, handoff."""
    text: str
    """What it says; pictures and files by type and size."""
    details: tuple[tuple[str, str], ...] = ()
    """Names and values beside it: ids, status."""

    @property
    def line(self) -> str:
        """The text in one line."""
        return " ".join(self.text.split())


def tell(item: Json) -> Told:
    """Tell an item in words, whatever JSON it is."""
    if isinstance(item, str):
        return Told("item", item)
    if not isinstance(item, dict):
        return Told("item", shortened(item))
    kind = str(item.get("type") or ("message" if "role" in item else "item"))
    label, say = _TOLD.get(kind, (kind, None))
    if say is None:
        label, text = _unknown(kind, item)
    else:
        text = say(item)
    label, text = _handoff(kind, item) or (
        _speaker(str(item.get("role"))) if kind == "message" else label,
        text,
    )
    return Told(label, text, _details(item))


def label_of(kind: str | None, role: str | None) -> str:
    """Return who an item is from, or what it is, by its type and its role alone."""
    if role:
        return _speaker(role)
    kind = kind or "item"
    return _TOLD[kind][0] if kind in _TOLD else kind


def _speaker(role: str) -> str:
    return _ROLES.get(role, role)


def _handoff(kind: str, fields: Mapping[str, Any]) -> tuple[str, str] | None:
    """Tell a call or an answer by which one agent hands over to another."""
    if kind == "function_call" and str(fields.get("name")).startswith(HANDOFF):
        arguments = fields.get("arguments")
        said = "" if arguments in (None, "", "{}") else f": {_arguments(arguments)}"
        return "handoff", f"to {str(fields['name'])[len(HANDOFF) :].replace('_', ' ')}{said}"
    output = fields.get("output")
    if kind == "function_call_output" and isinstance(output, str) and output.startswith("{"):
        try:
            found = fields_of(json.loads(output))
        except ValueError:
            return None
        if set(found) == {"assistant"} and isinstance(found["assistant"], str):
            return "handoff", f"{found['assistant']} takes over"
    return None


def _details(fields: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    names = ("id", "call_id", "status", "namespace", "server_label", "container_id", "phase")
    return tuple((name, str(fields[name])) for name in names if fields.get(name))


def _message(fields: Mapping[str, Any]) -> str:
    return text_in(fields.get("content"))


def _called(fields: Mapping[str, Any]) -> str:
    where = fields.get("server_label") or fields.get("namespace")
    prefix = f"{where}." if where else ""
    return f"{prefix}{fields.get('name') or '?'}({_arguments(fields.get('arguments'))})"


def _arguments(written: Any) -> str:
    """Return arguments as in a call: name=value, ...; as they are where they are no object."""
    try:
        found: Json = json.loads(written) if isinstance(written, str) else written
    except (ValueError, RecursionError):
        return str(written)
    if not isinstance(found, dict):
        return "" if found is None else text_in(written) or shortened(found)
    return ", ".join(f"{name}={shortened(value)}" for name, value in found.items())


def _output(fields: Mapping[str, Any]) -> str:
    return text_in(fields.get("output"))


def _custom(fields: Mapping[str, Any]) -> str:
    return f"{fields.get('name') or '?'}({text_in(fields.get('input'))})"


def _mcp(fields: Mapping[str, Any]) -> str:
    error = fields.get("error")
    result = f"failed: {text_in(error)}" if error else text_in(fields.get("output"))
    return f"{_called(fields)} -> {result}" if result else _called(fields)


def _local_shell(fields: Mapping[str, Any]) -> str:
    action = fields_of(fields.get("action"))
    words = [text_in(word) for word in list_of(action.get("command"))]
    where = action.get("working_directory")
    return f"$ {' '.join(words)}" + (f" (in {where})" if where else "")


def _shell(fields: Mapping[str, Any]) -> str:
    lines = list_of(fields_of(fields.get("action")).get("commands"))
    return "\n".join(f"$ {text_in(line)}" for line in lines)


def _shell_output(fields: Mapping[str, Any]) -> str:
    output = fields.get("output")
    if not isinstance(output, list):
        return text_in(output)
    return "\n".join(filter(None, map(_ran, list_of(cast("Any", output)))))


def _ran(part: Any) -> str:
    fields = fields_of(part)
    outcome = fields_of(fields.get("outcome"))
    code = outcome.get("exit_code")
    ended = "timed out" if outcome.get("type") == "timeout" else f"exit code {code}"
    told = [text_in(fields.get("stdout")), text_in(fields.get("stderr"))]
    if not fields or ("stdout" not in fields and "stderr" not in fields):
        return text_in([part])
    return "\n".join(filter(None, [*told, "" if code == 0 or not outcome else ended])).rstrip("\n")


def _patch(fields: Mapping[str, Any]) -> str:
    operation = fields_of(fields.get("operation"))
    what = str(operation.get("type") or "change").replace("_", " ")
    diff = text_in(operation.get("diff"))
    return f"{what} {operation.get('path') or '?'}" + (f"\n{diff}" if diff else "")


def _patched(fields: Mapping[str, Any]) -> str:
    return text_in(fields.get("output")) or str(fields.get("status") or "")


def _web_search(fields: Mapping[str, Any]) -> str:
    action = fields_of(fields.get("action"))
    kind = action.get("type")
    if kind == "open_page":
        return f"open {action.get('url') or '?'}"
    if kind in ("find", "find_in_page"):
        return f"find {action.get('pattern')!r} in {action.get('url')}"
    wanted = list_of(action.get("queries") or action.get("query"))
    return f"search {', '.join(text_in(each) for each in wanted)}"


def _file_search(fields: Mapping[str, Any]) -> str:
    wanted = list_of(fields.get("queries"))
    found = [fields_of(each) for each in list_of(fields.get("results") or [])]
    names = ", ".join(str(each.get("filename") or each.get("file_id")) for each in found)
    return f"search {', '.join(text_in(each) for each in wanted)}" + (
        f" -> {names}" if names else ""
    )


def _code(fields: Mapping[str, Any]) -> str:
    outputs = text_in(fields.get("outputs"))
    return text_in(fields.get("code")) + (f"\n-> {outputs}" if outputs else "")


def _computer(fields: Mapping[str, Any]) -> str:
    return "; ".join(map(_acted, list_of(fields.get("actions") or fields.get("action"))))


def _acted(action: Any) -> str:
    fields = fields_of(action)
    given = {name: value for name, value in fields.items() if name != "type" and value is not None}
    return f"{fields.get('type') or '?'}({_arguments(given)})"


def _picture(fields: Mapping[str, Any]) -> str:
    error = fields_of(fields.get("error")).get("message")
    prompt = text_in(fields.get("revised_prompt"))
    shown = f"failed: {error}" if error else media(fields, "image")
    return f"{prompt} {shown}".strip()


def _tools(fields: Mapping[str, Any]) -> str:
    listed = [fields_of(tool) for tool in list_of(fields.get("tools") or [])]
    names = ", ".join(str(tool.get("name") or tool.get("type") or "?") for tool in listed)
    error = fields.get("error")
    return f"failed: {text_in(error)}" if error else names or "none"


def _answered(fields: Mapping[str, Any]) -> str:
    said = "approved" if fields.get("approve") else "refused"
    reason = text_in(fields.get("reason"))
    return f"{said}: {reason}" if reason else said


def _thinking(fields: Mapping[str, Any]) -> str:
    text = text_in(fields.get("summary")) or text_in(fields.get("content"))
    return text or ("[encrypted]" if fields.get("encrypted_content") else "[no summary]")


def _compacted(fields: Mapping[str, Any]) -> str:
    return text_in(fields.get("summary")) or "[encrypted summary of what came before]"


def _unknown(kind: str, fields: Mapping[str, Any]) -> tuple[str, str]:
    """Tell an item of no known type: its JSON, shortened."""
    return kind, shortened(_rest(fields))


def _rest(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "type"}


_TOLD: Final[dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]]] = {
    "message": ("message", _message),
    "function_call": ("call", _called),
    "function_call_output": ("result", _output),
    "custom_tool_call": ("call", _custom),
    "custom_tool_call_output": ("result", _output),
    "mcp_call": ("call", _mcp),
    "mcp_list_tools": ("tools", _tools),
    "mcp_approval_request": ("approve?", _called),
    "mcp_approval_response": ("approval", _answered),
    "hosted_tool_call": ("call", _called),
    "tool_approval_item": ("approve?", _called),
    "local_shell_call": ("shell", _local_shell),
    "local_shell_call_output": ("result", _output),
    "shell_call": ("shell", _shell),
    "shell_call_output": ("result", _shell_output),
    "apply_patch_call": ("patch", _patch),
    "apply_patch_call_output": ("result", _patched),
    "web_search_call": ("web", _web_search),
    "file_search_call": ("files", _file_search),
    "code_interpreter_call": ("code", _code),
    "computer_call": ("computer", _computer),
    "computer_call_output": ("result", _output),
    "image_generation_call": ("image", _picture),
    "tool_search_call": ("tools?", lambda fields: _arguments(fields.get("arguments"))),
    "tool_search_output": ("tools", _tools),
    "additional_tools": ("tools", _tools),
    "reasoning": ("thinking", _thinking),
    "compaction": ("summary", _compacted),
    "configuration_update": ("setting", lambda fields: shortened(_rest(fields))),
    "compaction_trigger": ("summary", lambda _: "is asked for"),
    "item_reference": ("reference", lambda fields: f"to item {fields.get('id') or '?'}"),
    "program": ("program", lambda fields: text_in(fields.get("code"))),
    "program_output": ("result", lambda fields: text_in(fields.get("result"))),
}
