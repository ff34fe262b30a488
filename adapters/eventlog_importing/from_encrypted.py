"""Decrypts what EncryptedSession stored in any of the other sources, expired items too."""

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, Final, cast

from eventlog.format.codec import decode_json
from eventlog_importing.rows import Chunk, Row, Source

if TYPE_CHECKING:
    from agents.extensions.memory import EncryptedSession
    from cryptography.fernet import Fernet

_WRONG_KEY: Final = "nothing of it can be decrypted: the key, or the session id, is another"
_NOT_ENCRYPTED: Final = "it is not encrypted, and EncryptedSession never shows such a row"
_NOT_DECRYPTED: Final = "it cannot be decrypted"


class EncryptedSource:
    """Another source whose items EncryptedSession has encrypted with `encryption_key`.

    Their key depends on the session id that EncryptedSession was given. `session_id` returns it for
    the name of a conversation in the store; without it they are the same. The time of a row is when
    it was encrypted, to the second. Where nothing of a conversation can be decrypted it is refused.
    """

    def __init__(
        self,
        source: Source,
        encryption_key: str,
        *,
        session_id: Callable[[str], str] = str,
    ) -> None:
        self._source: Final = source
        self._key: Final = encryption_key
        self._session_id: Final = session_id
        self.layout: Final = f"EncryptedSession over {source.layout}"

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield every conversation, decrypted."""
        name: str | None = None
        opener: _Opener | None = None
        async for chunk in self._source.chunks():
            if opener is None or name != chunk.origin.name:
                name = chunk.origin.name
                opener = _Opener(_cipher(self._session_id(name), self._key))
            yield opener.open(chunk)


class EncryptedSessionSource:
    """An EncryptedSession object. Its store is read directly: the session hides expired items."""

    def __init__(self, session: "EncryptedSession", underlying: Source) -> None:
        self._session: Final = session
        self._underlying: Final = underlying
        self.layout: Final = f"EncryptedSession over {underlying.layout}"

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield its conversation, decrypted, under its own session id."""
        opener = _Opener(self._session.cipher)
        async for chunk in self._underlying.chunks():
            origin = chunk.origin._replace(name=self._session.session_id)
            yield opener.open(chunk._replace(origin=origin))


class _Opener:
    """Decrypts the chunks of one conversation."""

    def __init__(self, cipher: "Fernet") -> None:
        self._cipher: Final = cipher
        self._opened = False

    def open(self, chunk: Chunk) -> Chunk:
        rows = [self._open(row) for row in chunk.rows]
        failed = any(row.problem == _NOT_DECRYPTED for row in rows)
        refused = _WRONG_KEY if failed and not self._opened else None
        return chunk._replace(rows=rows, refused=chunk.refused or refused)

    def _open(self, row: Row) -> Row:
        from cryptography.fernet import InvalidToken

        token = _token(row.raw)
        if row.problem is not None or token is None:
            return row._replace(problem=row.problem or _NOT_ENCRYPTED)
        try:
            plain = self._cipher.decrypt(token)
        except InvalidToken:
            return row._replace(problem=_NOT_DECRYPTED)
        self._opened = True
        return Row(plain, self._cipher.extract_timestamp(token) * 1_000_000)


def _cipher(session_id: str, encryption_key: str) -> "Fernet":
    from agents.extensions.memory import EncryptedSession

    # Only it knows how the key of a session is made; the session beneath it is not touched.
    return EncryptedSession(session_id, cast(Any, None), encryption_key).cipher


def _token(raw: bytes) -> bytes | None:
    """Return what is encrypted in a row, or None if it is no envelope of EncryptedSession."""
    try:
        envelope: Any = decode_json(raw)
    except ValueError:
        return None
    fields = cast(dict[str, Any], envelope) if isinstance(envelope, dict) else {}
    if fields.get("__enc__") != 1:
        return None
    payload = fields.get("payload")
    return payload.encode() if isinstance(payload, str) and payload.isascii() else None
