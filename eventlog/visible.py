"""Text that others wrote, made harmless: nothing in it controls a terminal or hides from the eye.

Names, reasons and contents are whatever somebody chose. A control character moves the cursor or
begins a command to the terminal; a bidirectional one reorders what is around it; others are not
seen at all. Pure.
"""

import re
import shlex
from typing import Final

_UNSEEN: Final = (
    "\\x00-\\x1f\\x7f-\\x9f\\xad"
    "\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Controls (Cc), formats (Cf), line ends, surrogates, and whatever else is drawn as nothing."""

_ANY: Final = re.compile(f"[{_UNSEEN}]")
_KEPT: Final = "\n\t"
_SELECTORS: Final = "\ufe0e\ufe0f"
_JOINERS: Final = f"\u200c\u200d{_SELECTORS}"
_NEAR: Final = 4
"""How far from a joiner what it joins may be: another joiner can be between."""

_SPACES: Final = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]")
"""What looks like a space and is another character."""

_LOOKS_SECRET: Final = re.compile(
    r"PRIVATE\+KEY|(?:^|[\s,])[^\s/:]{1,128}:[A-Za-z0-9+/_-]{20,}={0,2}(?:$|[\s,])"
)
"""A signing key, or a key of a keyring: `name:key`, in base64."""

_PLAIN: Final = bytes(range(0x20, 0x7F))
"""ASCII that is seen."""

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LOOKS_QUOTED: Final = ("$'", "'", '"')


def visible(text: str) -> str:
    """Return text for people: what is not seen, or does something, is written as an escape.

    Ends of lines and tabs stay; joiners stay inside words and signs of scripts that need them.
    """
    is_plain = _is_plain(text.replace("\t", " ").replace("\n", " "))
    return text if is_plain else _ANY.sub(_escape_in_text, text)


def visible_line(text: str) -> str:
    """Return text for people as one line, in which every character is seen."""
    return text if _is_plain(text) else _ANY.sub(_escape, text)


def _is_plain(text: str) -> bool:
    """Tell at once of most texts that every character is seen."""
    return text.isascii() and not text.encode().translate(None, _PLAIN)


def quoted(name: str) -> str:
    """Return a name for people, as they may type it: in a shell's $'…' where it takes that.

    A name of ordinary characters is shown as it is, so no other can be made to look like it.
    """
    seen = _SPACES.sub(_escape, visible_line(name))
    is_plain = name == seen.strip() != "" and "\\" not in name
    if is_plain and not name.startswith(_LOOKS_QUOTED):
        return name
    inner = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{_SPACES.sub(_escape, visible_line(inner))}'"


def file_named(path: str) -> str:
    """Return what was given as the name of a file, for an error; nothing of it if it is a key.

    Who gives a key where its file is expected has it printed, and logged, otherwise.
    """
    return "what was given, a key and no name of a file," if _LOOKS_SECRET.search(path) else path


def typed(name: str) -> str:
    """Return a name as one types it in a shell, to be told from the words around it."""
    shown = quoted(name)
    return shlex.quote(name) if shown == name else shown


def visible_json(encoded: bytes) -> bytes:
    r"""Return JSON in UTF-8 that means the same, with all that is not seen as \u escapes.

    Only strings can hold such a character, but for the white space between values, which stays.
    """
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded
    return _ANY.sub(_escape_in_json, encoded.decode()).encode()


def _escape_in_text(found: re.Match[str]) -> str:
    is_kept = found[0] in _KEPT or (found[0] in _JOINERS and _joins(found))
    return found[0] if is_kept else _escape(found)


def _joins(found: re.Match[str]) -> bool:
    """Tell whether a joiner stands between characters that are not ASCII: there it has work."""
    at = found.start()
    before = found.string[max(0, at - _NEAR) : at].rstrip(_JOINERS)[-1:]
    after = found.string[at + 1 : at + _NEAR].lstrip(_JOINERS)[:1]
    is_behind = bool(before) and not before.isascii() and _ANY.match(before) is None
    is_selector = found[0] in _SELECTORS
    return is_behind and (is_selector or (bool(after) and not after.isascii()))


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escape_in_json(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in "\n\r\t":
        return found[0]
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
