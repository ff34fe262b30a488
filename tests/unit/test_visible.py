"""What others wrote is seen: nothing controls a terminal or hides, and JSON means the same."""

import json
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.visible import quoted, typed, visible, visible_json, visible_line

EVERYTHING = [chr(code) for code in range(0x110000)]
BARRED = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_no_character_that_does_something_is_left() -> None:
    """Of all that Unicode has: controls, formats, surrogates, ends of lines."""
    for character in EVERYTHING:
        if unicodedata.category(character) not in BARRED:
            continue
        assert visible_line(character).isascii(), hex(ord(character))
        assert visible(character).isascii(), hex(ord(character))
        assert quoted(character).isascii(), hex(ord(character))


def test_what_is_seen_is_left_as_it_is() -> None:
    """Letters, signs and marks of every script."""
    seen = "".join(
        c for c in EVERYTHING if unicodedata.category(c)[0] in "LNPS" and visible_line(c) == c
    )
    assert len(seen) > 130_000
    assert visible(seen) == seen
    assert visible("two\nlines\tand a tab") == "two\nlines\tand a tab"


@pytest.mark.parametrize(
    "text",
    [
        "👩\u200d💻",
        "❤\ufe0f",
        "\u0645\u06cc\u200c\u062e\u0648",
        "🏳\ufe0f\u200d🌈",
        "क\u094d\u200dष",
    ],
)
def test_joiners_stay_where_they_have_work(text: str) -> None:
    """In signs and scripts that take them; in a name they are seen."""
    assert visible(text) == text
    assert visible_line(text) != text


@pytest.mark.parametrize("text", ["a\u200db", "\u200d", "é\u200d", "a\ufe0f", "\x1b\u200dé"])
def test_joiners_are_seen_where_they_join_nothing(text: str) -> None:
    """They would only make two texts look alike."""
    assert visible(text).isascii() or "\\u200d" in visible(text)


def test_no_name_looks_like_another() -> None:
    """What looks quoted, or has a backslash or spaces around it, is quoted."""
    assert quoted("order 1042") == "order 1042"
    assert quoted("客-é") == "客-é"
    for name in ("a\x1b", "a\\x1b", " a", "a ", "", "$'a\\x1b'", "'a'", "a\xa0b", "a\u3000b"):
        assert quoted(name).startswith("$'"), name


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20))
def test_what_is_shown_can_be_typed(name: str) -> None:
    """In bash; what differs looks different."""
    shell = ["bash", "-c", f"printf %s {typed(name)}"]
    utf8 = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    assert subprocess.run(shell, capture_output=True, check=True, env=utf8).stdout == name.encode()
    assert typed(name) != typed(f"{name}\u200b")


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_means_the_same(value: object) -> None:
    """To every reader; and has nothing in it that is not seen."""
    encoded = json.dumps(value, ensure_ascii=False).encode()
    shown = visible_json(encoded)
    assert json.loads(shown) == value
    assert all(unicodedata.category(c) not in BARRED for c in shown.decode())
