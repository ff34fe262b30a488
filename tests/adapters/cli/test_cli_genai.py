"""An export for OpenTelemetry says what models were asked and answered."""

import json
from typing import Any

from eventlog import Context, EventLog
from eventlog_projections import Conversation, erase_event
from tests.adapters.cli.conftest import Eventlog
from tests.adapters.cli.shop import user

TRACE = "0af7651916cd43dd8448eb211c80319c"


def plain(value: dict[str, Any]) -> Any:
    """Undo OTLP's AnyValue, as a Collector does."""
    if not value:
        return None
    ((kind, found),) = value.items()
    if kind == "kvlistValue":
        return {pair["key"]: plain(pair["value"]) for pair in found["values"]}
    if kind == "arrayValue":
        return [plain(each) for each in found["values"]]
    return int(found) if kind == "intValue" else found


def records(output: str) -> list[dict[str, Any]]:
    found = []
    for line in output.splitlines():
        ((resource,),) = json.loads(line).values()
        ((scope,),) = resource.values()
        (record,) = scope["logRecords"]
        assert record["eventName"] == "gen_ai.client.inference.operation.details"
        values = {"values": record.pop("attributes")}
        found.append(record | {"attributes": plain({"kvlistValue": values})})
    return found


def said(message: dict[str, Any]) -> tuple[str, Any]:
    (part,) = message["parts"]
    return message["role"], part.get("content", part.get("response", part.get("name")))


async def test_each_answer_is_an_event_with_what_was_new(db: str, eventlog: Eventlog) -> None:
    """A call of a tool, its result and what followed; what was popped was answered all the same."""
    first, second, third = records(eventlog("export", "latest", "--format", "otel").output)
    found = [each["attributes"] for each in (first, second, third)]
    assert {each["gen_ai.operation.name"] for each in found} == {"chat"}
    assert {each["gen_ai.conversation.id"] for each in found} == {"order-1042"}
    assert [[said(each) for each in one["gen_ai.input.messages"]] for one in found] == [
        [("user", "My order has not arrived.")],
        [("tool", "the parcel is lost")],
        [("user", "Then I want my money back.")],
    ]
    answers = [one["gen_ai.output.messages"][0] for one in found]
    assert [(said(each)[1], each["finish_reason"]) for each in answers] == [
        ("look_up_order", "tool_call"),
        ("I am sorry: the parcel is lost.", "stop"),
        ("49 EUR by Friday.", "stop"),
    ]
    assert answers[0]["parts"][0]["arguments"] == {"order_id": "1042"}
    assert [one.get("gen_ai.usage.input_tokens") for one in found] == [None, 96, 149]
    assert found[1]["gen_ai.request.model"] == "a model nobody sells"
    assert int(first["timeUnixNano"]) < int(third["timeUnixNano"])
    assert (
        len(records(eventlog("export", "latest", "--format", "otel", "--as-of", "3").output)) == 2
    )


async def test_any_item_has_its_place_and_what_was_erased_has_none(
    db: str, eventlog: Eventlog
) -> None:
    """Parts that are no text stay JSON; the trace and the agent are named."""
    ran = Context(agent="helper", trace_id=f"trace_{TRACE}")
    odd = [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "see"}, {"type": "input_image"}],
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "so"}]},
        {"type": "web_search_call", "id": "ws", "n": 1.5, "ok": True, "none": None},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{"},
    ]
    async with EventLog(db, create=False) as log:
        await Conversation(log, "odd").add([user("secret")])
        await Conversation(log, "odd").add(
            [*odd, "text", {"role": "assistant", "content": "x"}], context=ran
        )
        await erase_event(log, "odd", 1, by="me", reason="test")
    one, two = records(eventlog("export", "odd", "--format", "otel").output)
    assert (one["traceId"], one["attributes"]["gen_ai.agent.name"]) == (TRACE, "helper")
    asked = one["attributes"]["gen_ai.input.messages"]
    assert [said(each) for each in asked] == [("user", 'see\n{"type": "input_image"}')]
    assert one["attributes"]["gen_ai.output.messages"][0]["parts"] == [
        {"type": "reasoning", "content": "so"},
        odd[2],
        {"type": "tool_call", "id": "c", "name": "f", "arguments": "{"},
    ]
    assert [said(each) for each in two["attributes"]["gen_ai.input.messages"]] == [("user", "text")]
