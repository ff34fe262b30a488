"""Tree heads as signed notes: C2SP tlog-checkpoint over signed-note, with Ed25519.

Pure, but for `cryptography`, which is imported where something is signed or a signature checked.
Keys are written as Go's sumdb tools write them, so that those can read our heads.
"""

import base64
import functools
import os
import unicodedata
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Self

import msgspec

from eventlog.errors import InvalidHeadError, InvalidKeyError
from eventlog.proof.merkle import HASH_BYTES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

ED25519: Final = b"\x01"
KEY_BYTES: Final = 32
MAX_NOTE: Final = 1_000_000
"""Characters. A note holds a few lines and its signatures."""

MAX_SIZE: Final = 2**63 - 1
"""No log has more positions."""

_PRIVATE: Final = "PRIVATE+KEY+"
_RETIRED: Final = "conversation-eventlog retired key 1"
_DASH: Final = "\N{EM DASH} "


class TreeHead(msgspec.Struct, frozen=True):
    """A head without its signature: size and Merkle root of the log named `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"


def parse_head(note: str) -> TreeHead:
    """Return the head of a note without checking its signatures. Raises InvalidHeadError."""
    return _parse(_split_note(note)[0])


def signed_by(note: str) -> list[str]:
    """Return whose signatures a note carries, each as `name+id`. Raises InvalidHeadError.

    Nothing of it is checked: whoever has the key does that.
    """
    return [f"{name}+{signature[:4].hex()}" for name, signature in _split_note(note)[1]]


class Verifier(msgspec.Struct, frozen=True):
    """The public key of a Signer, which an outsider is given once and trusts."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        _check_key(self.name, self.public_key)

    @classmethod
    def load(cls, text: str) -> Self:
        """Read a verifier key, `name+id+key`. Raises InvalidKeyError."""
        name, key_id, key = _split_key(text.strip())
        verifier = cls(name, key)
        verifier.check_key_id(key_id)
        return verifier

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_encode(ED25519 + self.public_key)}"

    @property
    def key_id(self) -> bytes:
        """The 4 bytes by which a signature names its key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:4]

    def check_key_id(self, key_id: str) -> None:
        """Raise InvalidKeyError unless `key_id` is this key's, in hexadecimal."""
        if self.key_id.hex() != key_id.lower():
            raise InvalidKeyError(
                "The key's id is not that of its name and bytes: it was mistyped."
            )

    def open(self, note: str) -> TreeHead:
        """Return the head of a note that this key signed. Raises InvalidHeadError.

        The note of another log is refused, whoever signed it.
        """
        head = _parse(self.open_text(note))
        if head.origin != self.name:
            raise InvalidHeadError(
                f"The note is of the log {head.origin!r}, and signed by {self.name!r}."
            )
        return head

    def open_text(self, note: str) -> str:
        """Return the text of any note that this key signed. Raises InvalidHeadError."""
        text, signatures = _split_note(note)
        mine = [s[4:] for name, s in signatures if self._is_mine(name, s)]
        if not mine or not all(self._has_signed(text, signature) for signature in mine):
            raise InvalidHeadError(f"The note is not signed by {self.name!r} with the key given.")
        return text

    def is_named(self, note: str) -> bool:
        """Tell whether a note says that this key signed it. Raises InvalidHeadError."""
        return any(self._is_mine(*signature) for signature in _split_note(note)[1])

    def successor(self, note: str) -> "Verifier":
        """Return the key that takes the place of this one, as this one has signed.

        `note` is what `Signer.retire` returned. Raises InvalidHeadError.
        """
        lines = self.open_text(note).split("\n")
        if len(lines) != 4 or lines[0] != _RETIRED or lines[1] != str(self):
            raise InvalidHeadError(f"The note does not say that {self.name!r} has another key.")
        try:
            found = Verifier.load(lines[2])
        except InvalidKeyError as error:
            raise InvalidHeadError(f"The note names no key: {error}") from error
        found.open_text(note)
        return found

    def _is_mine(self, name: str, signature: bytes) -> bool:
        return (name, signature[:4]) == (self.name, self.key_id)

    def _has_signed(self, text: str, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            _public_key(self.public_key).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class Signer(msgspec.Struct, frozen=True):
    """A key that signs heads. `name` is the origin of the log: `example.com/log`, for instance."""

    name: str
    private_key: bytes

    def __post_init__(self) -> None:
        _check_key(self.name, self.private_key)

    def __repr__(self) -> str:
        return f"Signer({self.name!r})"

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a key."""
        return cls(name, os.urandom(KEY_BYTES))

    @classmethod
    def load(cls, text: str) -> Self:
        """Read a key, as `dump` writes it. Raises InvalidKeyError."""
        if not text.startswith(_PRIVATE):
            raise InvalidKeyError(f"A signing key begins with {_PRIVATE!r}.")
        name, key_id, key = _split_key(text.strip().removeprefix(_PRIVATE))
        signer = cls(name, key)
        signer.verifier.check_key_id(key_id)
        return signer

    def dump(self) -> str:
        """Return the key as text. It is a secret: whoever has it can sign heads."""
        key = _encode(ED25519 + self.private_key)
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{key}"

    @property
    def verifier(self) -> Verifier:
        """The key that checks what this one signs."""
        return Verifier(self.name, _private_key(self.private_key).public_key().public_bytes_raw())

    def sign(self, size: int, root: bytes) -> str:
        """Return the signed note of a head."""
        return self.sign_text(TreeHead(self.name, size, root).text())

    def sign_text(self, text: str) -> str:
        """Return a signed note of any lines, none of them empty."""
        return f"{text}\n{_signature(self, text)}"

    def retire(self, successor: "Signer") -> str:
        """Return a note that `successor` signs in the place of this key, signed by both.

        Whoever trusts this key learns from it which one follows: `Verifier.successor`.
        """
        text = f"{_RETIRED}\n{self.verifier}\n{successor.verifier}\n"
        return self.sign_text(text) + _signature(successor, text)


def _signature(signer: Signer, text: str) -> str:
    signature = _private_key(signer.private_key).sign(text.encode())
    return f"{_DASH}{signer.name} {_encode(signer.verifier.key_id + signature)}\n"


Verifiers = Verifier | Iterable[Verifier]
"""One key, or several of which any may have signed: a log that got a new key has heads of both."""


def every(keys: Verifiers | None) -> tuple[Verifier, ...]:
    """Return the keys, however they were given."""
    if keys is None:
        return ()
    return (keys,) if isinstance(keys, Verifier) else tuple(keys)


def open_head(note: str, keys: Verifiers) -> TreeHead:
    """Return the head of a note that one of these keys signed. Raises InvalidHeadError.

    A signature that names one of them and is not its own refuses the note, whoever else signed.
    """
    given = every(keys)
    signers = [key for key in given if key.is_named(note)]
    if not signers:
        of = " or ".join(repr(f"{key.name}+{key.key_id.hex()}") for key in given)
        by = ", ".join(signed_by(note))
        raise InvalidHeadError(f"The note is not signed by {of or 'any key given'}, but by {by!r}.")
    heads = [key.open(note) for key in signers]  # Each of them has to hold.
    return heads[0]


@functools.lru_cache(maxsize=16)
def _private_key(key: bytes) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(key)


def _public_key(key: bytes) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(key)


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the signed text and the signatures, as name and bytes."""
    if len(note) > MAX_NOTE or any(character < " " and character != "\n" for character in note):
        raise InvalidHeadError(
            "This is no signed note: it is too long, or holds control characters."
        )
    text, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise InvalidHeadError("This is no signed note: no signatures follow after an empty line.")
    return text + "\n", [_split_signature(line) for line in lines[:-1].split("\n")]


def _split_signature(line: str) -> tuple[str, bytes]:
    name, _, signature = line.removeprefix(_DASH).partition(" ")
    decoded = _decode(signature)
    if not line.startswith(_DASH) or not _is_name(name) or decoded is None or len(decoded) < 5:
        raise InvalidHeadError("This is no signed note: a line of its signatures is none.")
    return name, decoded


def _parse(text: str) -> TreeHead:
    lines = text.split("\n")[:-1]
    origin, size, encoded = [*lines, "", "", ""][:3]
    root = _decode(encoded)
    if "" in lines or not _is_size(size) or root is None or len(root) != HASH_BYTES:
        raise InvalidHeadError("The note is no head of a log.")
    return TreeHead(origin, int(size), root)


def _is_size(text: str) -> bool:
    """Tell whether it is a number as notes write them, and one that a log can have."""
    is_number = text.isascii() and text.isdecimal() and (text == "0" or text[0] != "0")
    return is_number and len(text) <= len(str(MAX_SIZE)) and int(text) <= MAX_SIZE


def _split_key(text: str) -> tuple[str, str, bytes]:
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    key = _decode(encoded)
    if key is None or key[:1] != ED25519:
        raise InvalidKeyError("A key is name+id+key, of the Ed25519 kind.")
    return name, key_id, key[1:]


def _check_key(name: str, key: bytes) -> None:
    if not _is_name(name):
        raise InvalidKeyError(f"A key's name has no spaces, no plus and no controls; not {name!r}.")
    if len(key) != KEY_BYTES:
        raise InvalidKeyError(f"An Ed25519 key has {KEY_BYTES} bytes, not {len(key)}.")


def _is_name(name: str) -> bool:
    barred = ("Z", "C")
    return bool(name) and not any(
        c == "+" or unicodedata.category(c).startswith(barred) for c in name
    )


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes | None:
    """Decode canonical base64; None for anything else."""
    try:
        data = base64.b64decode(text)
    except ValueError:
        return None
    return data if _encode(data) == text else None
