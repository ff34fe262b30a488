"""What is written down of an event that a view goes on without: where it is, and why. Pure.

Rule: nothing of the content, whoever raised the error: the words of an error may quote it.
"""

from typing import Final

from eventlog import EventLogError
from eventlog.errors import (
    CorruptEventError,
    KeyRingError,
    NoKeyError,
    RefusedValueError,
    UnfitRowError,
    WrongKeyError,
)
from eventlog.views import DeadLetter
from eventlog_projections.views.step import Step

UNOPENED: Final = (NoKeyError.__name__, WrongKeyError.__name__)
"""Reasons that another keyring may take away."""

WAITING: Final = KeyRingError.__name__
"""The reason that goes by itself: a key service was down, which says nothing of the event."""

REFUSED: Final = RefusedValueError.__name__

_LONGEST: Final = 200
_ERRORS: Final = EventLogError.__module__.rpartition(".")[0]
"""The package of the library's own errors: what their docstrings say holds nothing of an event."""


def letter_of(projection: str, generation: int, step: Step, error: Exception) -> DeadLetter:
    """Return the dead letter of a step that a generation could not take."""
    return DeadLetter(
        projection, generation, step.position, step.stream_id, step.version, reason_of(error)
    )


def reason_of(error: Exception) -> str:
    """Return why, in words of ours: the name of the error and what it means, not what it says."""
    name = type(error).__name__
    if isinstance(error, RefusedValueError):
        return f"{name}: the database cannot hold a value of its rows ({error.code})"[:_LONGEST]
    if isinstance(error, UnfitRowError):
        return f"{name}: {error}"[:_LONGEST]
    if isinstance(error, CorruptEventError):
        return f"{name}: {error.what}"[:_LONGEST]
    if type(error).__module__.startswith(_ERRORS):
        meaning = (type(error).__doc__ or "").partition("\n")[0].rstrip(".")
        return f"{name}: {meaning}"[:_LONGEST]
    return name


def is_because(letter: DeadLetter, *names: str) -> bool:
    """Tell whether one of these errors is the reason."""
    return letter.error.partition(":")[0] in names
