"""The words of a text: the one tokenizer, of what is stored and of what is asked. Pure.

A word is a run of letters and digits, in lower case and without accents; all else stands between
words, also `-`, `_`, `.`, `/` and `@`. Letters of scripts without spaces between words are words of
two, one beginning at each letter, and the last letter alone (overlapping bigrams): so any part of
such a text is a sequence of words. Databases are given words with spaces between them, and never
look at letters themselves.
"""

import string
from collections.abc import Iterator
from typing import Final

from eventlog_projections.views.searching.letters import MAX_WORD, fold, tokens

MAX_FOLDED: Final = 100_000
"""Characters of a folded text of which words are made: some letters fold to many.

PostgreSQL's tsvector holds at most a megabyte of words: two letters of four bytes for each of these
are fewer.
"""

_ASCII: Final = bytes(
    ord(letter.lower()) if letter in string.ascii_letters + string.digits else ord(" ")
    for letter in map(chr, range(256))
)


def words_of(text: str) -> list[str]:
    """Return the words of a text, in order."""
    if text.isascii():
        found = text[:MAX_FOLDED].encode("ascii").translate(_ASCII).decode("ascii").split()
        if len(text) <= MAX_WORD or max(map(len, found), default=0) <= MAX_WORD:
            return found
    return [word for word, _, _ in spans_of(fold(text)[:MAX_FOLDED])]


def spaced(words: list[str]) -> str:
    """Return words as databases store them: with a space before and behind each."""
    return " ".join(["", *words, ""])


def spans_of(folded: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of a folded text, and where each begins and ends."""
    for found in tokens().finditer(folded):
        start, stop = found.span()
        if found[1] is None:
            yield found[0], start, stop
            continue
        for place in range(start, stop):
            end = min(place + 2, stop)
            yield folded[place:end], place, end
