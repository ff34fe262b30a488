"""Errors of calls that cannot be served as they were made."""

from collections.abc import Sequence

from eventlog.errors.base import EventLogError


class InvalidInputError(EventLogError):
    """The call cannot be served as made; nothing was stored."""


class InvalidItemError(InvalidInputError, TypeError):
    """An item that JSON cannot hold, or that JSON could not read back."""


class ItemTooLargeError(InvalidInputError, ValueError):
    """An item has more bytes than the log takes. Nothing was stored."""


class InvalidNameError(InvalidInputError, ValueError):
    """A conversation name, tenant, event id or text that cannot be stored."""


class InvalidAddressError(InvalidInputError, ValueError):
    """A URL or path that names no store."""


class InvalidMomentError(InvalidInputError, ValueError):
    """A version or a time at which nothing can be read."""


class InvalidOptionError(InvalidInputError, ValueError):
    """Options that contradict each other, or those of a log that is already open."""


class NoSuchConversationError(InvalidInputError, ValueError):
    """No conversation has this name, nor a name that begins so."""


class AmbiguousNameError(InvalidInputError, ValueError):
    """Several conversations have a name that begins so; `candidates` are the first of them."""

    def __init__(self, prefix: str, candidates: Sequence[str], *, more: bool) -> None:
        names = ", ".join(repr(name) for name in candidates)
        super().__init__(
            f"{prefix!r} is the beginning of several names: {names}{', and more' * more}."
            " Write more of the one that you mean."
        )
        self.candidates = tuple(candidates)


class InvalidKeyRingError(InvalidInputError, ValueError):
    """Text, or a file, that does not hold key-encryption keys."""


class UnfitRowError(InvalidInputError):
    """A row of a view that no table can hold; the message names the column and never the value."""


class NoSuchTurnError(InvalidInputError, ValueError):
    """The list has no such turn, or not as many as should be undone."""


class NoSuchBranchError(InvalidInputError, ValueError):
    """The conversation has no branch of that name."""


class NoSuchHoldError(InvalidInputError, ValueError):
    """No legal hold of that code is placed on the conversation."""


class NothingToRedoError(InvalidInputError, ValueError):
    """Nothing was undone, or something else was written since."""


class InvalidKeyError(InvalidInputError, ValueError):
    """A key to sign or verify tree heads with that cannot be read."""


class InvalidHeadError(InvalidInputError, ValueError):
    """A tree head, or a receipt, that cannot be read or that the given key did not sign."""


class InvalidEvidenceError(InvalidInputError, ValueError):
    """A bundle of evidence that cannot be read, or that does not prove all that it holds."""


class NothingErasedError(InvalidInputError, ValueError):
    """There is no receipt: nothing of the conversation, or not that version, was erased."""


class ClosedError(InvalidInputError, RuntimeError):
    """A log or a session that was used after it was closed."""
