"""Name and metadata of the current trace, as far as a context can hold them.

Whoever started the trace chose its names and metadata freely, and none of it may make an append
fail: what is no text, no JSON or too large is left out, and a warning names it.
"""

import json
import logging
import sys
from typing import Any, Final, TypedDict, TypeGuard, cast

import msgspec
from agents.tracing import get_current_trace

MAX_BYTES: Final = 4096
"""How much metadata an event keeps, as JSON; and how long a name or an id may be."""

_ABSENT: Final = (None, "", "no-op")
"""What the SDK gives for an id where tracing is off."""

_SETUP: Final = "agents.tracing.setup"

_NO_JSON: Final = (TypeError, ValueError, RecursionError, msgspec.MsgspecError)

_log: Final = logging.getLogger("eventlog.openai_agents")


class Traced(TypedDict, total=False):
    """Fields of a Context about the trace; unknown ones are absent."""

    trace_id: str
    group_id: str
    workflow_name: str
    trace_metadata: dict[str, Any]


def current(warned: set[str]) -> Traced:
    """Return what the log keeps of the current trace, nothing where tracing is off.

    `warned` names what was warned of before, and is added to.
    """
    if _nobody_traces():
        return Traced()  # Asking would make a client that exports traces.
    trace = get_current_trace()
    if trace is None:
        return {}
    offered: dict[str, Any] = {
        "trace_id": trace.trace_id,
        "group_id": getattr(trace, "group_id", None),
        "workflow_name": trace.name,
    }
    traced, refused = _kept({name: it for name, it in offered.items() if it not in _ABSENT}, str)
    metadata = getattr(trace, "metadata", None)
    if is_object(metadata) and metadata:
        kept, left_out = _kept(metadata, object)
        refused += [f"metadata {key}" for key in left_out]
        if kept:
            traced["trace_metadata"] = kept
    _warn(refused, warned)
    return cast(Traced, traced)


def _nobody_traces() -> bool:
    # No `__all__` promises it.
    return getattr(sys.modules.get(_SETUP), "GLOBAL_TRACE_PROVIDER", True) is None


def is_object(value: object) -> TypeGuard[dict[Any, Any]]:
    """Tell whether it is what JSON calls an object."""
    return isinstance(value, dict)


def _kept(offered: dict[Any, Any], kind: type) -> tuple[dict[str, Any], list[str]]:
    """Return what can be stored, in order, and the keys of what cannot."""
    kept: dict[str, Any] = {}
    refused: list[str] = []
    room = MAX_BYTES
    for key, value in offered.items():
        entry = _as_json(key, value) if isinstance(value, kind) else None
        if entry is None or len(entry) > room:
            refused.append(ascii(key)[:100])
            continue
        room -= len(entry)
        kept.update(msgspec.json.decode(entry))
    return kept, refused


def _as_json(key: object, value: Any) -> bytes | None:
    """Return {key: value} as the context stores it; None if that is not what was given."""
    if not isinstance(key, str):
        return None
    try:
        plain = {key: json.loads(json.dumps(value, allow_nan=False))}
        entry = msgspec.json.encode(plain)
        return entry if msgspec.json.decode(entry) == plain else None
    except _NO_JSON:
        return None


def _warn(refused: list[str], warned: set[str]) -> None:
    for what in refused:
        if what not in warned:
            warned.add(what)
            _log.warning(
                "The trace's %s is not in the log: it is no JSON, or the trace says more than"
                " %d bytes of itself.",
                what,
                MAX_BYTES,
            )
