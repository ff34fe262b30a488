"""Where in a text a query was found: the letters to mark, and a piece of the text with them. Pure.

The words of the text are made once more, by the one tokenizer; no database is asked.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from eventlog.views import Phrase
from eventlog_projections.views.searching.asked import asked, phrases_of
from eventlog_projections.views.searching.letters import fold
from eventlog_projections.views.searching.words import spans_of

Span = tuple[int, int]
"""Where something begins in a text, and where it ends."""

_Word = tuple[str, int, int]

_PIECE: Final = re.compile(r"\S+")
_JOINED: Final = re.compile("[\u1160-\u11ff\uff9e\uff9f]")
"""Letters that become one with the letter before them, though they are no marks."""

_BEFORE: Final = 8
"""One part in so many of a snippet is what stands before the first hit."""


class Snippet(NamedTuple):
    """A piece of a text, in one line, and where in it the hits are: from, to."""

    text: str
    hits: list[Span]


def hits_in(text: str, query: str) -> list[Span]:
    """Return where the phrases of a query are in a text, in order; those that overlap are one."""
    words = list(_words(text))
    found = [hit for phrase in map(asked, phrases_of(query)) for hit in _hits(words, phrase)]
    merged: list[Span] = []
    for start, stop in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged


def snippet(text: str, query: str, length: int) -> Snippet:
    """Return up to `length` characters with the first hit among them, in one line.

    An ellipsis is before them where the text does not begin with them.
    """
    found = hits_in(text, query)
    first = found[0][0] if found else 0
    start = 0 if first < length // _BEFORE else first - length // _BEFORE
    line = ["…"] if start else []
    places: list[int] = []
    for letter in text[start : start + length]:
        places.append(len(line))
        if not letter.isspace():
            line.append(letter)
        elif line and not line[-1].isspace():
            line.append(" ")
    places.append(len(line))
    inside = [(max(a - start, 0), min(b - start, len(places) - 1)) for a, b in found]
    return Snippet("".join(line), [(places[a], places[b]) for a, b in inside if a < b])


def _hits(words: Sequence[_Word], phrase: Phrase) -> Iterator[Span]:
    *first, last = phrase.words
    for number in range(len(first), len(words)):
        word, start, stop = words[number]
        if not (word.startswith(last) if phrase.begins else word == last):
            continue
        before = words[number - len(first) : number]
        if [each for each, _, _ in before] != first:
            continue
        if number + 1 < len(words) and word != last:
            stop = min(stop, words[number + 1][1])  # One letter of a run: the next begins in it.
        yield (before[0][1] if before else start), stop


def _words(text: str) -> Iterator[_Word]:
    """Yield the words of a text, each with its place in the text as it is written."""
    for piece in _PIECE.finditer(text):
        written, start = piece[0], piece.start()
        if written.isascii():
            for word, begin, end in spans_of(written.lower()):
                yield word, start + begin, start + end
            continue
        folded, places = _placed(written)
        for word, begin, end in spans_of(folded):
            yield word, start + places[begin][0], start + places[end - 1][1]


def _placed(written: str) -> tuple[str, list[Span]]:
    """Return a piece folded, and for each of its letters from where to where it is written."""
    folded: list[str] = []
    places: list[Span] = []
    for start, stop in _clusters(written):
        letters = fold(written[start:stop])
        folded.append(letters)
        places += [(start, stop)] * len(letters)
    whole = fold(written)
    if "".join(folded) == whole:
        return whole, places
    return whole, [(0, len(written))] * len(whole)


def _clusters(written: str) -> Iterator[Span]:
    """Yield each letter with the marks behind it."""
    start = 0
    for place in range(1, len(written) + 1):
        if place < len(written) and _joins(written[place]):
            continue
        yield start, place
        start = place


def _joins(letter: str) -> bool:
    return unicodedata.category(letter)[0] == "M" or _JOINED.match(letter) is not None
