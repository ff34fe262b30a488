"""The shape of each command's JSON: one name for one thing in every command.

`conversation`, `branch` (empty: the main one) and `version` say where; times are ISO 8601 in UTC;
`cost` is null where it is not known. docs/cli.md is made from here, and a test holds the commands
to it.
"""

from typing import Final, NamedTuple


class Shape(NamedTuple):
    """What one line of JSON holds, and whether there is a line for each row or one in all."""

    each: bool
    fields: tuple[str, ...]


WHERE: Final = ("conversation", "branch", "version")
COUNTS: Final = (
    "requests",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
)
MOVED: Final = (*WHERE, "total", "removed", "added", "unreadable", "error", "back", "dry_run")
HOLD: Final = Shape(each=True, fields=("conversation", "hold"))
ASIDE: Final = Shape(each=True, fields=(*WHERE, "position", "error"))


def _one(*fields: str) -> Shape:
    return Shape(each=False, fields=fields)


def _each(*fields: str) -> Shape:
    return Shape(each=True, fields=fields)


SHAPES: Final[dict[str, Shape]] = {
    "sessions": _each(
        *("conversation", "title", "owner", "tags", "items", "turns", "events", "branches"),
        *("input_tokens", "output_tokens", "total_tokens", "cost", "bytes"),
        *("first_at", "last_at", "models", "archived_at", "erased"),
    ),
    "show": _one(*WHERE, "total", "items", "origins", "unreadable"),
    "log": _each(
        *(*WHERE, "kind", "recorded_at", "context", "event", "items"),
        *("removed", "restored", "total", "error", "hidden", "brought"),
    ),
    "diff": _one("conversation", "branch", "common", "removed", "added", "unreadable"),
    "branches": _each(
        *(*WHERE, "items", "state", "left", "left_branch", "left_version", "kept"),
        *("is_fork", "depth", "created_at", "last_at"),
    ),
    "turns": _each(
        *("conversation", "branch", "turn", "message", "items", "requests", "input_tokens"),
        *("output_tokens", "total_tokens", "running_tokens", "context_tokens", "cost"),
        *("begun_at", "last_at", "removed"),
    ),
    "usage": _each("model", *COUNTS, "cost"),
    "tools": _each(
        *("tool", "calls", "results", "errors", "unanswered", "mean_seconds", "longest_seconds"),
    ),
    "search": _each(*WHERE, "item", "type", "role", "text", "removed", "recorded_at"),
    "tail": _each(
        *("position", *WHERE, "kind", "recorded_at", "is_erased", "context", "event", "error"),
    ),
    "web": _one("address"),
    "share": _one("file", "conversation", "bytes"),
    "stats": _one("tenant", "conversations", "branches", "events", "position", "views"),
    "undo": _one(*MOVED),
    "redo": _one(*MOVED),
    "restore": _one(*MOVED),
    "clear": _one(*MOVED),
    "fork": _one(*WHERE, "total", "parent", "dry_run"),
    "label": _one(*WHERE, "before", "after", "back", "dry_run"),
    "archive": _one(*WHERE, "state", "back", "dry_run"),
    "unarchive": _one(*WHERE, "state", "back", "dry_run"),
    "backup": _one("backup"),
    "recover": _one("log", "backup", "kept"),
    "verify": _one("ok", "conversations", "events", "faults"),
    "head": _one("size", "root", "note", "signed_at", "signed_by"),
    "evidence": _one("file", "conversations"),
    "receipt": _one("conversation", "branch", "receipt", "file"),
    "keys new": _one("name", "key", "file"),
    "keys signing": _one("origin", "verifier", "file", "retired", "note"),
    "keys rotate": _one("wrapped"),
    "keys rekey": _one("conversation", "branch"),
    "hold place": HOLD,
    "hold lift": HOLD,
    "hold list": HOLD,
    "erase": _one("conversation", "by", "reason", "streams", "receipt", "pending", "unkept"),
    "prune": _each("conversation", "last_at", "became", "because_of", "why", "erased"),
    "config": _each("setting", "value", "source", "variable"),
    "views status": _each(
        *("view", "schema", "position", "behind", "rate", "moved_at", "is_serving", "set_aside"),
    ),
    "views retry": ASIDE,
    "views skip": ASIDE,
    "rebuild": _each("view", "checked", "differences", "set_aside"),
    "migrate": _one("current"),
    "roles": _each("role"),
    "repair feed": _one("mended", "record"),
}
