"""docs/search.md is true: its example runs, and what it says of words holds."""

import contextlib
import io
import re
from typing import Final

import pytest

from eventlog_projections.views.asking import MAX_PHRASES
from eventlog_projections.views.searching.letters import MAX_WORD
from eventlog_projections.views.searching.words import words_of
from tests.docs.pages import ROOT

DOCUMENT: Final = (ROOT / "docs" / "search.md").read_text("utf-8")


def test_the_example_prints_what_it_says() -> None:
    """The letters as they are written."""
    found = re.search(r"<!-- a test runs this -->\n```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(found[1], {})
    assert out.getvalue() == "['Café']\n"


@pytest.mark.parametrize(
    "same",
    [
        "Straße STRASSE",
        "İstanbul ISTANBUL \u0131stanbul",
        "café cafe",
        "ø o",
        "ł l",
        "đ d",
        "\u0131 i",
        "æ ae",
        "œ oe",
        "þ th",
    ],
)
def test_what_it_calls_one_word_is_one(same: str) -> None:
    """Each spelling is in the document."""
    one, *others = same.split()
    assert all(words_of(other) == words_of(one) for other in others)
    assert all(f"`{each}`" in DOCUMENT for each in (one, *others))


def test_its_numbers_are_those_of_the_program() -> None:
    """The longest word, and how many are looked for at once."""
    assert f"more than {MAX_WORD} letters" in DOCUMENT
    assert f"At most {MAX_PHRASES} words and phrases" in DOCUMENT
