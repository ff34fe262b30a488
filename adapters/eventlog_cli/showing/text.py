"""Text with styles, and how wide it is: cut, wrapped, and coloured where a terminal wants that.

Pure. What is given here is clean already (`eventlog.visible`); widths are those of a terminal.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, Union

CODES: Final = {"bold": "1", "dim": "2", "strike": "9", "red": "31", "green": "32", "yellow": "33"}
COLOURS: Final = ("red", "green", "yellow")
CUT: Final = "\N{HORIZONTAL ELLIPSIS}"


class Piece(NamedTuple):
    """A run of characters, with the names of its styles, as in "bold red"."""

    text: str
    style: str = ""


class Text(tuple[Piece, ...]):
    """A text of pieces."""

    __slots__ = ()

    @classmethod
    def of(cls, *parts: Union[str, tuple[str, str], "Text"]) -> "Text":
        """Put texts together; a part is a text, or a text and its style."""
        pieces: list[Piece] = []
        for part in parts:
            if isinstance(part, Text):
                pieces += part
            else:
                pieces.append(Piece(part) if isinstance(part, str) else Piece(*part))
        return cls(pieces)

    @property
    def plain(self) -> str:
        """The characters alone."""
        return "".join(piece.text for piece in self)

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return width(self.plain)

    def cut(self, columns: int) -> "Text":
        """Return what fits, with a mark where something does not."""
        if self.width <= columns:
            return self
        kept: list[Piece] = []
        left = columns - 1
        for piece in self:
            text = _first(piece.text, left)
            kept.append(Piece(text, piece.style))
            left -= width(text)
            if text != piece.text:
                break
        return Text([*kept, Piece(CUT if columns > 0 else "")])

    def stripped(self) -> "Text":
        """Return it without spaces at its end."""
        pieces = list(self)
        while pieces and not pieces[-1].text.rstrip(" "):
            pieces.pop()
        if pieces:
            pieces[-1] = Piece(pieces[-1].text.rstrip(" "), pieces[-1].style)
        return Text(pieces)

    def drawn(self, *, styled: bool, coloured: bool) -> str:
        """Return it with the codes of its styles, or without."""
        if not styled:
            return self.plain
        return "".join(_coded(piece, coloured=coloured) for piece in self)


def width(text: str) -> int:
    """Return how many columns a text takes: wide characters take two, marks none."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200c\u200d\ufe0e\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _first(text: str, columns: int) -> str:
    """Return as much of a text as fits."""
    if text.isascii():
        return text[: max(0, columns)]
    taken = 0
    for index, character in enumerate(text):
        taken += _width(character)
        if taken > columns:
            return text[:index]
    return text


def _coded(piece: Piece, *, coloured: bool) -> str:
    names = [name for name in piece.style.split() if coloured or name not in COLOURS]
    codes = ";".join(CODES[name] for name in names)
    return f"\x1b[{codes}m{piece.text}\x1b[0m" if codes and piece.text else piece.text


def wrapped(text: str, columns: int) -> Iterator[str]:
    """Yield the lines of a text: broken between words, or inside one that is too long."""
    columns = max(columns, 1)
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}" if line else word
            if width(joined) <= columns:
                line = joined
                continue
            if line:
                yield line
            *full, line = _broken(word, columns)
            yield from full
        yield line


def _broken(word: str, columns: int) -> list[str]:
    pieces: list[str] = []
    while width(word) > columns:
        piece = _first(word, columns) or word[:1]
        pieces.append(piece)
        word = word[len(piece) :]
    return [*pieces, word]


def joined(texts: Iterable[Text], between: str) -> Text:
    """Return texts with something between each two."""
    pieces: list[Piece] = []
    for index, text in enumerate(texts):
        pieces += [Piece(between)] if index else []
        pieces += text
    return Text(pieces)
