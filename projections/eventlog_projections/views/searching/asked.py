"""What is looked for: phrases of a query, as the words that texts have. Pure."""

import functools
import re
from typing import Final

from eventlog.views import Phrase
from eventlog_projections.views.searching.letters import DENSE
from eventlog_projections.views.searching.words import words_of

_TERMS: Final = re.compile(r'"([^"]*)"(\*?)|(\S+)')


@functools.cache
def _dense() -> re.Pattern[str]:
    """Return what finds runs of dense letters; many a query has none, and does not wait for it."""
    return re.compile(f"[{DENSE}]+")


def phrases_of(query: str) -> list[str]:
    """Return the words and the "phrases in quotes" of a query, those that have any letter."""
    found = [word or quoted + star for quoted, star, word in _TERMS.findall(query)]
    return [phrase for phrase in found if words_of(phrase)]


def asked(phrase: str) -> Phrase:
    """Return the words of a phrase; with `*` behind it the last one is the beginning of a word.

    What is one word for whoever asks may be several, such as `README.md`. The end of a run of dense
    letters may be anywhere in one: what is looked for is part of it.
    """
    words = words_of(phrase)
    if not words or words[-1].isascii() or not _dense().fullmatch(words[-1]):
        return Phrase(tuple(words), begins=_begins(phrase, words))
    if len(words) > 1 and len(words[-2]) == len("日本") and _dense().fullmatch(words[-2]):
        return Phrase(tuple(words[:-1]), begins=False)
    return Phrase(tuple(words), begins=True)


def _begins(phrase: str, words: list[str]) -> bool:
    """Tell whether a `*` stands right behind the last word: a letter in its place is part of it."""
    return phrase.endswith("*") and len(words_of(phrase[:-1] + "x")) == len(words)
