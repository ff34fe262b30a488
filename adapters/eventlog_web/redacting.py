"""Leaving something out of what is given away: names, arguments of tools, whatever matches.

Every text of an event passes here before anything is drawn of it, so there is one place to trust.
What is left out is marked, so that nobody takes the rest for all there was.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

import msgspec

from eventlog import Context, Event, ItemsAdded, ItemsReplaced
from eventlog.errors import InvalidInputError
from eventlog.events import ConversationLabelled, OpaqueEvent, RowPreserved
from eventlog_projections.items.calls import is_answer, is_call
from eventlog_projections.items.parts import fields_of

MARK: Final = "[redacted]"
_SHORTEST: Final = 3
"""Characters of a name from which on it is looked for in texts."""

_STRUCTURE: Final = ("type", "role", "status")
"""Fields that say what an item is: they decide how it is drawn."""

_PAIRING: Final = ("call_id", "id", "approval_request_id")


class Redactor:
    """Leaves out what it is told to; without anything it returns all as it is.

    names: actors, agents and owners, wherever they stand. arguments: what tools were called with,
    and what they answered. pattern: a regular expression, for every text, key and number.
    """

    def __init__(
        self, *, names: bool = False, arguments: bool = False, pattern: str | None = None
    ) -> None:
        try:
            compiled = None if pattern is None else re.compile(pattern)
        except re.error as error:
            raise InvalidInputError(f"{pattern!r} is no regular expression: {error}.") from error
        self.hides_names: Final = names
        self.hides_arguments: Final = arguments
        self._pattern = compiled
        self._names: dict[str, str] = {}
        self._known: re.Pattern[str] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left out."""
        return not (self.hides_names or self.hides_arguments or self._pattern)

    @property
    def said(self) -> tuple[str, ...]:
        """What is left out, in words."""
        pattern = () if self._pattern is None else ("whatever matches a pattern",)
        names = ("names",) if self.hides_names else ()
        return (
            *names,
            *(("arguments and results of tools",) if self.hides_arguments else ()),
            *pattern,
        )

    def learn(self, names: Iterable[str | None]) -> None:
        """Take down names of people and agents: each gets a mark of its own."""
        if not self.hides_names:
            return
        for name in names:
            if name and name not in self._names:
                mark = f"[name {len(set(self._names.values())) + 1}]"
                for part in {name, name.rpartition(":")[2], name.partition("@")[0]}:
                    if len(part) >= _SHORTEST or part == name:
                        self._names.setdefault(part, mark)
        # The longest first: one name may be part of another.
        found = sorted(self._names, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, found)), re.IGNORECASE) if found else None

    def text(self, text: str) -> str:
        """Return a text without what is left out, also inside of JSON that it holds."""
        inner = self._json(text)
        return self._plain(text if inner is None else inner)

    def value(self, value: Any) -> Any:
        """Return any JSON value without what is left out: texts, keys and numbers."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self._plain(key): each if key in _STRUCTURE else self.value(each)
                for key, each in cast("dict[str, Any]", value).items()
            }
        if isinstance(value, list | tuple):
            return [self.value(each) for each in cast("Sequence[Any]", value)]
        if isinstance(value, int | float) and not isinstance(value, bool):
            said = json.dumps(value)
            return value if self._plain(said) == said else MARK
        return value

    def item(self, item: Any) -> Any:
        """Return an item without what is left out."""
        if self.hides_arguments and (is_call(item) or is_answer(item)):
            kept = {"name", *_STRUCTURE, *_PAIRING}
            held = fields_of(item).items()
            item = {key: value if key in kept else MARK for key, value in held}
        return item if self.is_idle else self.value(item)

    def event(self, event: Event | OpaqueEvent | None) -> Event | OpaqueEvent | None:
        """Return an event without what is left out."""
        if event is None or self.is_idle:
            return event
        if isinstance(event, ItemsAdded | ItemsReplaced):
            return msgspec.structs.replace(event, items=[self.item(item) for item in event.items])
        if isinstance(event, OpaqueEvent):
            return msgspec.structs.replace(event, body=json.dumps(MARK).encode())
        if isinstance(event, RowPreserved):
            return msgspec.structs.replace(event, row="", why=MARK)
        changes = {
            name: self.value(value)
            for name in event.__struct_fields__
            if isinstance(value := getattr(event, name), str)
        }
        if isinstance(event, ConversationLabelled) and event.tags is not None:
            changes["tags"] = tuple(map(self.text, event.tags))
        return msgspec.structs.replace(event, **changes)

    def context(self, context: Context | None) -> Context | None:
        """Return who wrote an event without what is left out."""
        if context is None or self.is_idle:
            return context
        changes = {
            name: self.value(value)
            for name in context.__struct_fields__
            if isinstance(value := getattr(context, name), str | dict)
        }
        return msgspec.structs.replace(context, **changes)

    def _json(self, text: str) -> str | None:
        """Return JSON inside a text as it is then; None if it is none, or stays as it is."""
        if text[:1] not in ("{", "[", '"'):
            return None
        try:
            held = json.loads(text)
        except (ValueError, RecursionError):
            return None
        left = self.value(held)
        return None if left == held else json.dumps(left, ensure_ascii=False)

    def _plain(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(self._named, text)
        return text if self._pattern is None else self._pattern.sub(MARK, text)

    def _named(self, found: re.Match[str]) -> str:
        said = found[0].casefold()
        return next((mark for name, mark in self._names.items() if name.casefold() == said), MARK)
