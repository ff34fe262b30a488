# ruff: noqa: RUF001 - letters that look like others are what is tested
"""The one tokenizer of search: what is a word, and where its letters are in the text."""

import sys
import unicodedata
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog_projections.views.searching.asked import asked, phrases_of
from eventlog_projections.views.searching.letters import MAX_WORD, fold
from eventlog_projections.views.searching.marking import _words, hits_in, snippet
from eventlog_projections.views.searching.words import spaced_words, spans_of, words_of

ASSIGNED: Final = [
    letter
    for letter in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(letter) not in ("Cn", "Co", "Cs")
]
TEXTS: Any = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aZ9_-. \t'ßıİée\u0301東京タ한\u1112\u1161\u11abไท\u0e35🎉ﬁ½\u00ad\u3099ｶﾞ"),
    ),
    max_size=40,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" -_./@ ", []),
        ("see README.md", ["see", "readme", "md"]),
        ("https://a.example/b?c=d", ["https", "a", "example", "b", "c", "d"]),
        (
            "COVID-19 don't snake_case camelCase",
            ["covid", "19", "don", "t", "snake", "case", "camelcase"],
        ),
        ("Café ÅSE straße ﬁn Ⅷ", ["cafe", "ase", "strasse", "fin", "viii"]),
        ("İI\u0131i", ["iiii"]),
        ("東京タワー", ["東京", "京タ", "タワ", "ワー", "ー"]),
        ("京 x京", ["京", "x", "京"]),
        ("한국어", ["한국", "국어", "어"]),
        ("ไทย", ["ไท", "ทย", "ย"]),
        ("ok🎉👍🏽ok", ["ok", "🎉", "👍", "ok"]),
        ("\0\ud800\ue000", []),
        ("x" * 300, ["x" * 128, "x" * 128, "x" * 44]),
    ],
)
def test_a_text_has_these_words(text: str, words: list[str]) -> None:
    """Signs stand between words; dense scripts are taken two letters at a time."""
    assert words_of(text) == words


def test_no_word_has_what_a_database_would_take_for_something_else() -> None:
    """Of any character: no space, sign, quote or capital of ASCII, for these need escapes there."""
    for letter in ASSIGNED:
        for word in words_of(f"a{letter}"):
            assert 0 < len(word) <= MAX_WORD
            plain = "".join(each for each in word if each.isascii())
            assert not plain or (plain.isalnum() and plain == plain.lower()), hex(ord(letter))


def test_what_is_dropped_is_accents_points_and_what_is_not_to_be_seen() -> None:
    """Never a letter of its own, nor a mark that is part of one, as in Hindi, Thai or Japanese."""
    for letter in ASSIGNED:
        if fold(f"a{letter}b") != "ab":
            continue
        for each in unicodedata.normalize("NFKD", letter):
            kind, order = unicodedata.category(each), unicodedata.combining(each)
            is_part = order in (0, 7, 8, 9)  # Vowels of India, and signs as in `ガ`.
            assert kind in ("Mn", "Me", "Cf", "Lm"), hex(ord(letter))
            assert kind != "Mn" or not is_part or each in _UNSEEN, hex(ord(letter))
            assert kind != "Lm" or each == "\N{ARABIC TATWEEL}"


_UNSEEN: Final = "\u034f\u180b\u180c\u180d\u180f" + "".join(
    map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)


@given(TEXTS)
def test_folding_again_changes_nothing(text: str) -> None:
    """So a query that was copied from a result finds it."""
    assert words_of(fold(text)) == words_of(text)


@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_the_short_way_of_ascii_is_the_long_one(text: str) -> None:
    """What is faster says the same."""
    assert words_of(text) == [word for word, _, _ in spans_of(fold(text))]
    assert words_of(text + "x" * 129) == [word for word, _, _ in spans_of(fold(text + "x" * 129))]
    assert words_of(text + "x" * 500) == [word for word, _, _ in spans_of(fold(text + "x" * 500))]


@given(TEXTS)
def test_words_have_places_in_the_text_as_it_is_written(text: str) -> None:
    """They are the same words, in order, and what stands there has them."""
    found = list(_words(text))
    assert [word for word, _, _ in found] == words_of(text)
    for word, start, stop in found:
        assert 0 <= start < stop <= len(text)
        assert word in fold(text[start:stop])


@given(st.text(st.sampled_from("東京都タワー한국어ไทยข้า"), min_size=1, max_size=20), st.data())
def test_part_of_a_dense_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    """Whatever part: the words of it stand one behind the other."""
    dense = fold(text)
    start = data.draw(st.integers(0, len(dense) - 1))
    part = dense[start : data.draw(st.integers(start + 1, len(dense)))]
    if fold(part) == part and words_of(part):
        assert asked(part).spaced in spaced_words(f"x {dense} y")


@pytest.mark.parametrize(
    ("query", "phrases"),
    [
        ("rain", ["rain"]),
        ('"rain in spain" snow', ["rain in spain", "snow"]),
        ('par* "the par"* "a*"', ["par*", "the par*", "a*"]),
        ("- * ( \" '", []),
        ('OR NOT "', ["OR", "NOT"]),
        ("", []),
    ],
)
def test_a_query_is_words_and_phrases(query: str, phrases: list[str]) -> None:
    """Nothing else is syntax."""
    assert phrases_of(query) == phrases


@pytest.mark.parametrize(
    ("phrase", "words", "begins"),
    [
        ("README.m*", ("readme", "m"), True),
        ("a.*", ("a",), False),
        ("*a", ("a",), False),
        ("cafe\u0301*", ("cafe",), True),
        ("東", ("東",), True),
        ("東京", ("東京",), False),
        ("東京*", ("東京",), False),
        ("東京 tower", ("東京", "京", "tower"), False),
        ("x東", ("x", "東"), True),
        ("🎉*", ("🎉",), False),
    ],
)
def test_what_is_looked_for(phrase: str, words: tuple[str, ...], begins: bool) -> None:
    """The end of a dense run may be anywhere in one; `*` belongs to the letter before it."""
    assert asked(phrase) == (words, begins)


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("see README.md now", "readme.md", ["README.md"]),
        ("Un Cafe\u0301 noir", "café", ["Cafe\u0301"]),
        ("Straße", "strasse", ["Straße"]),
        ("東京タワーに行く", "タワー", ["タワー"]),
        ("東京タワー", "京", ["京"]),
        ("東京", "京", ["京"]),
        ("ｶﾞﾗｽ", "ガラス", ["ｶﾞﾗｽ"]),
        ("a party, parted", "par*", ["party", "parted"]),
        ("rain rain in spain", '"rain in" rain', ["rain", "rain in"]),
        ("nothing", "rain", []),
    ],
)
def test_hits_are_marked_in_the_text_as_it_is(text: str, query: str, marked: list[str]) -> None:
    """With the letters, accents and signs that are written there."""
    assert [text[start:stop] for start, stop in hits_in(text, query)] == marked


def test_a_snippet_is_around_the_first_hit_in_one_line() -> None:
    """Its own places say where the hits are."""
    text = "so it goes on \n" * 40 + "and\n\tRain in   Spain" + " and on" * 40
    line, hits = snippet(text, '"rain in spain"', 80)
    assert [line[start:stop] for start, stop in hits] == ["Rain in Spain"]
    assert len(line) <= 81
    assert line.startswith("…")
    assert "\n" not in line
    assert snippet("short", "x", 80) == ("short", [])
