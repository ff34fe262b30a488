"""What is shown, as text that hides nothing from the eye."""

from typing import Any, Final

from eventlog import Event, visible
from eventlog.events import OpaqueEvent
from eventlog_projections.history.deeds import did
from eventlog_projections.items.telling import tell

ENOUGH: Final = 4000
"""Characters of an item that are looked at for an excerpt."""


def line(text: str) -> str:
    """Return text as one line in which every character is seen."""
    return visible.visible_line(text)


def text(content: str) -> str:
    """Return text in which nothing controls or hides; its lines stay."""
    return visible.visible(content)


def excerpt(item: Any, most: int) -> str:
    """Return the beginning of what an item says, on one line."""
    shown = " ".join(line(part) for part in tell(item).text[:ENOUGH].split())
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def deed(event: Event | OpaqueEvent | None) -> str:
    """Tell what an event did; None was erased."""
    return line(did(event))
