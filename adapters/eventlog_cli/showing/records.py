"""What programs are given: one name for one thing in every command, times in ISO 8601.

`conversation`, `branch` and `version` say where; `cost` is null where it is not known, never 0.
`eventlog_cli.shapes` says what each command prints; a test holds both to each other.
"""

from typing import TYPE_CHECKING, Any

from eventlog.format.envelope import readable_time

if TYPE_CHECKING:
    from eventlog import RecordedEvent
    from eventlog_projections.disposal.disposing import Disposed
    from eventlog_projections.disposal.erasing import Erased
    from eventlog_projections.history.events import HistoryEvent
    from eventlog_projections.views.prices import Cost
    from eventlog_projections.views.queries import Found, Summary, Tool, Turn, Usage
    from eventlog_projections.views.status import SetAside, Status


def cost(found: "Cost", *, counted: bool = True) -> dict[str, Any] | None:
    """Return US dollars, and how many requests have no price; None where nothing is known."""
    return found._asdict() if counted and found.known is not None else None


def session(found: "Summary", *, erased: bool) -> dict[str, Any]:
    """Return a conversation of a list."""
    kept = found._asdict()
    name = kept.pop("name")
    del kept["row"]
    counted = bool(found.total_tokens or found.cost.unpriced)
    kept["cost"] = cost(found.cost, counted=counted)
    return {"conversation": name, **kept, "erased": erased}


def event(found: "HistoryEvent", name: str, branch: str) -> dict[str, Any]:
    """Return an event of a conversation."""
    return {"conversation": name, "branch": branch, **found._asdict()}


def fed(found: "RecordedEvent", payload: dict[str, Any]) -> dict[str, Any]:
    """Return an event of the feed, with what could be read of it."""
    return {
        "position": found.position,
        "conversation": found.stream,
        "branch": found.branch,
        "version": found.version,
        "kind": found.kind,
        "recorded_at": readable_time(found.stored.recorded_at),
        "is_erased": found.is_erased,
        **payload,
    }


def turn(found: "Turn", name: str, branch: str) -> dict[str, Any]:
    """Return a turn."""
    counted = bool(found.usage.requests or found.total_tokens)
    return {
        "conversation": name,
        "branch": branch,
        "turn": found.number,
        "message": found.message,
        "items": found.items,
        "requests": found.usage.requests,
        "input_tokens": found.usage.input_tokens,
        "output_tokens": found.usage.output_tokens,
        "total_tokens": found.total_tokens,
        "running_tokens": found.running_tokens,
        "context_tokens": found.context_tokens,
        "cost": cost(found.cost, counted=counted),
        "begun_at": found.begun_at,
        "last_at": found.last_at,
        "removed": found.removed,
    }


def usage(found: "Usage") -> dict[str, Any]:
    """Return what was used of a model."""
    fields = {name: getattr(found, name) for name in found.__struct_fields__}
    return fields | {"model": found.model, "cost": cost(found.cost)}


def tool(found: "Tool") -> dict[str, Any]:
    """Return what became of the calls of a tool."""
    kept = found._asdict()
    return {"tool": kept.pop("name"), **kept}


def hit(found: "Found") -> dict[str, Any]:
    """Return an item that was found."""
    return found._asdict()


def disposed(found: "Disposed") -> dict[str, Any]:
    """Return what became of a conversation that was to go."""
    return {
        "conversation": found.session_id,
        "last_at": readable_time(found.last_at),
        "became": found.disposition,
        "because_of": found.because_of,
        "why": found.why,
        "erased": None if found.erased is None else erased(found.erased),
    }


def erased(found: "Erased") -> dict[str, Any]:
    """Return what was erased."""
    return {
        "conversation": found.session_id,
        "by": found.by,
        "reason": found.reason,
        "streams": [
            {"conversation": each.name, "branch": each.branch, "version": each.version}
            for each in found.streams
        ],
        "receipt": found.receipt,
        "pending": found.pending,
        "unkept": found.unkept,
    }


def status(found: "Status") -> dict[str, Any]:
    """Return where a view is."""
    kept = found._asdict()
    kept["moved_at"] = readable_time(found.moved_at) if found.moved_at else None
    kept["set_aside"] = [aside(each) for each in found.set_aside]
    return kept


def aside(found: "SetAside") -> dict[str, Any]:
    """Return an event that a view goes on without."""
    return {
        "conversation": found.conversation,
        "branch": found.branch,
        "version": found.version,
        "position": found.position,
        "error": found.error,
    }
