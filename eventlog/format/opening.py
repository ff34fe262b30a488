"""Opening a stored event: refused if it should be encrypted, decrypted, inflated within a bound.

Pure. Rule: nobody reads the content of an event but through an Opener, so every reader refuses the
same events with the same errors.
"""

import contextlib
from collections.abc import Generator
from typing import Final, NamedTuple

from eventlog.errors import (
    ContentTooLargeError,
    CorruptEventError,
    EncryptedError,
    ErasedError,
    KeyDestroyedError,
    NoKeyError,
)
from eventlog.format.codec import decompress
from eventlog.format.encryption import StreamKeys
from eventlog.format.events import NO_CONTENT
from eventlog.format.facts import ConversationErased, EventErased
from eventlog.format.inflating import MAX_INFLATED, TooMuchError
from eventlog.format.records import FoldInput, StoredEvent

UNENCRYPTED: Final = "it is not encrypted, though what came before it is"

NOT_ERASED: Final = "its content is gone, and no event says that it was erased"

ERASING: Final = (ConversationErased.kind, EventErased.kind)
"""The kinds that can be appended without a key."""


def may_be_plain(event: FoldInput | StoredEvent) -> bool:
    """Tell whether the event may follow an encrypted one: an erasure's record is no secret."""
    if event.key_id is not None:
        return True
    return event.kind in ERASING and event.body in (None, NO_CONTENT)


class Opener(NamedTuple):
    """What opens the contents of one stream: its keys, and how much may be inflated.

    All of it raises ErasedError, KeyDestroyedError, NoKeyError, WrongKeyError or CorruptEventError,
    which name the event.
    """

    keys: StreamKeys | None = None
    """None: what is encrypted is a NoKeyError."""
    first: int | None = None
    """The first version that is encrypted: all that follow are, too. None: not known, or none."""
    limit: int = MAX_INFLATED
    """How many bytes one body may inflate to."""
    failure: EncryptedError | None = None
    """Why the keys of the stream could not be opened."""
    lost: frozenset[int] = frozenset()
    """The versions whose content is gone though no event says that it was erased, if known."""

    def body(self, stream: str, stored: StoredEvent | FoldInput) -> bytes:
        """Return the body as JSON."""
        body = self.decrypt(stream, stored)
        try:
            return decompress(stored.codec, body, self.limit)
        except TooMuchError as error:
            raise ContentTooLargeError(stream, stored.version, str(error)) from error
        except ValueError as error:
            raise CorruptEventError(stream, stored.version, str(error)) from error

    def decrypt(self, stream: str, stored: StoredEvent | FoldInput) -> bytes:
        """Return the body as its codec has it."""
        if stored.body is None:
            raise self._gone(stream, stored)
        self.check(stream, stored)
        if stored.key_id is None:
            return stored.body
        with _opening(stream, stored):
            return self._keys_of(stream).open_body(stored)

    def context(self, stream: str, stored: StoredEvent) -> bytes:
        """Return the context as JSON."""
        if stored.context is None:
            raise self._gone(stream, stored)
        self.check(stream, stored)
        if stored.key_id is None:
            return stored.context
        with _opening(stream, stored):
            return self._keys_of(stream).open_context(stored)

    def check(self, stream: str, stored: StoredEvent | FoldInput) -> None:
        """Raise CorruptEventError for a plain event behind the first encrypted one."""
        if self.first is None or stored.key_id is not None or stored.body is None:
            return
        if stored.version > self.first and not may_be_plain(stored):
            raise CorruptEventError(stream, stored.version, UNENCRYPTED)

    def _gone(
        self, stream: str, stored: StoredEvent | FoldInput
    ) -> ErasedError | CorruptEventError:
        if stored.version in self.lost:
            return CorruptEventError(stream, stored.version, NOT_ERASED)
        return ErasedError(stream, stored.version)

    def _keys_of(self, stream: str) -> StreamKeys:
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if self.keys is None:
            raise NoKeyError(stream)
        return self.keys


PLAIN: Final = Opener()
"""Opens what was decrypted before, or never encrypted."""


@contextlib.contextmanager
def _opening(stream: str, stored: StoredEvent | FoldInput) -> Generator[None]:
    try:
        yield
    except KeyError as error:
        raise KeyDestroyedError(stream, stored.version, stored.key_id or "") from error
    except ValueError as error:
        raise CorruptEventError(stream, stored.version, str(error)) from error
