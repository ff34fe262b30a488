"""What models were asked and answered, as OpenTelemetry's events of generative AI. Pure.

Event and attributes are those of the semantic conventions (gen_ai.client.inference.operation.
details), a record is what OTLP/JSON has, so a Collector reads the lines from a file. An input holds
what is new since the answer before it: what came earlier is in the earlier events.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, cast

from eventlog import Context, ItemsAdded, ItemsReplaced, RecordedEvent
from eventlog.events import UsageRecorded
from eventlog_projections.history.events import Told

EVENT: Final = "gen_ai.client.inference.operation.details"
SCOPE: Final = "conversation-eventlog"

_TRACE: Final = "trace_"
_TRACE_DIGITS: Final = 32


class _Operation(NamedTuple):
    """A call of a model, as far as the log knows it."""

    event: RecordedEvent
    context: Context | None
    asked: list[dict[str, Any]]
    answered: list[dict[str, Any]]
    """Parts of the one message that it answered."""
    used: UsageRecorded | None


class Operations:
    """Makes one record of each call of a model, of the events of a conversation in their order."""

    def __init__(self) -> None:
        self._asked: list[dict[str, Any]] = []
        self._open: _Operation | None = None

    def take(self, told: Told) -> Iterator[dict[str, Any]]:
        """Yield the records that are complete before this event; one that is missing adds none."""
        event, found = told.recorded, told.event
        if event is None:
            return
        if isinstance(found, ItemsAdded | ItemsReplaced):
            for item in found.items:
                yield from self._take_item(event, told.context, item)
        elif isinstance(found, UsageRecorded):
            if self._open is None or self._open.used is not None:
                yield from self._begin(event, told.context)
            if self._open is not None:
                self._open = self._open._replace(used=found)

    def end(self) -> Iterator[dict[str, Any]]:
        """Yield the last record."""
        if self._open is not None:
            yield _record(self._open)
            self._open = None

    def _take_item(
        self, event: RecordedEvent, context: Context | None, item: Any
    ) -> Iterator[dict[str, Any]]:
        role, part = _part(item)
        if role != "assistant":
            self._asked.append({"role": role, "parts": [part]})
            return
        if self._open is None or self._asked or self._open.used is not None:
            yield from self._begin(event, context)
        if self._open is not None:
            self._open.answered.append(part)

    def _begin(self, event: RecordedEvent, context: Context | None) -> Iterator[dict[str, Any]]:
        yield from self.end()
        self._open = _Operation(event, context, self._asked, [], None)
        self._asked = []


def _record(operation: _Operation) -> dict[str, Any]:
    """Return a line of OTLP/JSON."""
    event, context = operation.event, operation.context or Context()
    record: dict[str, Any] = {
        "timeUnixNano": str(event.stored.recorded_at * 1000),
        "eventName": EVENT,
        "attributes": _pairs(_attributes(operation, context)),
    }
    trace = (context.trace_id or "").removeprefix(_TRACE)
    if len(trace) == _TRACE_DIGITS:
        record["traceId"] = trace
    scope = {"scope": {"name": SCOPE}, "logRecords": [record]}
    return {"resourceLogs": [{"scopeLogs": [scope]}]}


def _attributes(operation: _Operation, context: Context) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": operation.event.stream,
        "gen_ai.agent.name": context.agent,
        "gen_ai.input.messages": operation.asked or None,
        "gen_ai.output.messages": _answer(operation.answered),
    }
    if (used := operation.used) is not None:
        found |= {
            "gen_ai.request.model": used.model,
            "gen_ai.response.id": used.response_id,
            "gen_ai.usage.input_tokens": used.input_tokens,
            "gen_ai.usage.output_tokens": used.output_tokens,
        }
    return {name: value for name, value in found.items() if value is not None}


def _answer(parts: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    if not parts:
        return None
    reason = "tool_call" if parts[-1]["type"] == "tool_call" else "stop"
    return [{"role": "assistant", "parts": parts, "finish_reason": reason}]


def _part(item: Any) -> tuple[str, dict[str, Any]]:
    """Return who an item of the Responses API is from, and a part of a message that says it."""
    fields = cast("dict[str, Any]", item) if isinstance(item, dict) else {"content": item}
    kind = str(fields.get("type") or "message")
    if kind == "message":
        return str(fields.get("role") or "user"), {"type": "text", "content": _text(fields)}
    if kind == "reasoning":
        return "assistant", {"type": "reasoning", "content": _text(fields, "summary")}
    if kind == "function_call":
        called = {"id": fields.get("call_id"), "name": fields.get("name")}
        return "assistant", {"type": "tool_call", **called, "arguments": _arguments(fields)}
    if kind.endswith("_output"):
        answer = {"id": fields.get("call_id"), "response": fields.get("output")}
        return "tool", {"type": "tool_call_response", **answer}
    return "assistant", {**fields, "type": kind}


def _text(fields: dict[str, Any], name: str = "content") -> str:
    """Return the words of an item; parts that have none stay readable as JSON."""
    content = fields.get(name)
    if isinstance(content, str):
        return content
    parts = cast("Iterable[Any]", content if isinstance(content, list) else (content,))
    return "\n".join(_words(part) for part in parts if part is not None)


def _words(part: Any) -> str:
    if isinstance(part, str):
        return part
    fields = cast("dict[str, Any]", part) if isinstance(part, dict) else {}
    said = fields.get("text", fields.get("refusal"))
    return said if isinstance(said, str) else json.dumps(part)


def _arguments(fields: dict[str, Any]) -> Any:
    written = fields.get("arguments")
    try:
        return json.loads(written) if isinstance(written, str) else written
    except ValueError:
        return written


def _pairs(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(each)} for name, each in fields.items()]


def _value(value: Any) -> dict[str, Any]:
    """Return a value as OTLP's AnyValue."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _pairs(cast("dict[str, Any]", value))}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(each) for each in cast("Iterable[Any]", value)]}}
    return {"stringValue": str(value)}
