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

from eventlog_projections.views.searching.letters import MAX_WORD, fold, tokens_of

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
    return spaced_words(text).split()


def spaced_words(text: str) -> str:
    """Return the words of a text as databases store them: with a space before and behind each."""
    if text.isascii():
        # The same in a tenth of the time: this is done for every item of a view.
        plain = text[:MAX_FOLDED].encode("ascii").translate(_ASCII).decode("ascii")
        found = f" {' '.join(plain.split())} "
        if _is_short(found):
            return found
    return " ".join(["", *(word for word, _, _ in spans_of(fold(text)[:MAX_FOLDED])), ""])


def _is_short(spaced: str) -> bool:
    """Tell whether no word is longer than MAX_WORD: go from space to space, as far as may be."""
    place, last = 0, len(spaced) - 1
    while last - place > MAX_WORD + 1:
        place = spaced.rfind(" ", place + 1, place + MAX_WORD + 2)
        if place < 0:
            return False
    return True


def spans_of(folded: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of a folded text, and where each begins and ends."""
    for found in tokens_of(folded).finditer(folded):
        start, stop = found.span()
        if found[1] is None:
            yield found[0], start, stop
            continue
        for place in range(start, stop):
            end = min(place + 2, stop)
            yield folded[place:end], place, end
