"""Letters: which spelling stands for several, and which characters make words. Pure.

Unicode's compatibility caseless form (NFKC with full case folding, The Unicode Standard, D146)
without accents, so that `Café`, `CAFE` and a full-width `ｃａｆé` are spelled the same. Nothing
depends on a locale, or on what a database takes for a letter.
"""

import functools
import re
import unicodedata
from typing import Final

MAX_WORD: Final = 128
"""Characters of a word; a longer one is several words, so that any database can hold it."""

_SINGLE: Final = str.maketrans(
    {
        "\u0131": "i",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
    }
)
"""Latin letters that Unicode does not take apart, as people without them type them."""

_DROPPED: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # accents
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8"  # Arabic
    "\u06ea-\u06ed"
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff]+"  # with the line above: what is not to be seen
)
"""What no word is told apart by: accents, vowel points, invisible characters."""

DENSE: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecf\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1780-\u17d3"
    "\u1100-\u11ff\u3005-\u3007\u3031-\u3035\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u318e"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Letters of scripts without spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese.

And Korean, whose words are written together with what is attached to them.
"""

_EMOJI: Final = "\u2600-\u27bf\u2b1b-\u2b55\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
"""Each is a word of its own; the colours of skin (1F3FB to 1F3FF) are none."""

_MARKS_END: Final = 0x1F000


def fold(text: str) -> str:
    """Return how a text is spelled for search. Folding it again changes nothing."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = _DROPPED.sub("", unicodedata.normalize("NFKD", folded))
    return unicodedata.normalize("NFC", plain).translate(_SINGLE)


_PLAIN: Final = re.compile(rf"((?!))?[^\W_]{{1,{MAX_WORD}}}")
"""Words of a text of ASCII, where nothing is a mark, a dense letter or a sign."""


def tokens_of(folded: str) -> re.Pattern[str]:
    """Return what finds the words of a folded text; that of plain ones is there at once."""
    return _PLAIN if folded.isascii() else tokens()


@functools.cache
def tokens() -> re.Pattern[str]:
    """Return what finds, in a folded text, runs of dense letters (group 1) and whole words."""
    marks = _marks()
    word = rf"(?:[^\W_{DENSE}]|[{marks}]){{1,{MAX_WORD}}}"
    return re.compile(f"([{DENSE}]+)|[{_EMOJI}]|{word}")


def _marks() -> str:
    """Return the marks that belong to the letters before them, as ranges of a character class."""
    dense = re.compile(f"[{DENSE}]")
    ranges: list[list[int]] = []
    for code in range(0x300, _MARKS_END):
        letter = chr(code)
        if unicodedata.category(letter)[0] != "M" or dense.match(letter):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
