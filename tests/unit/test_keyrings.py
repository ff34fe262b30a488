"""Keyrings: what they are read from, and what is refused."""

import base64
from pathlib import Path

import pytest

from eventlog.errors import InvalidKeyRingError
from eventlog.keys import (
    LocalKeyRing,
    keyring_from_environment,
    keyring_from_file,
    new_key,
    parse_keyring,
)

KEY = base64.b64encode(bytes(32)).decode()


def test_the_first_key_is_the_current_one() -> None:
    """Whoever rotates writes the new key in front of the old ones."""
    new, old = new_key("new"), new_key("old")
    assert parse_keyring(f"{new} {old}").current == "new"
    assert parse_keyring(f"{new},\n{old}\n") == parse_keyring(f"{new} {old}")
    assert parse_keyring(f"{new} {old}") != parse_keyring(f"{old} {new}")


def test_keys_are_read_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two handles that read the same keys have equal keyrings."""
    word = new_key("a")
    (tmp_path / "keys").write_text(word)
    monkeypatch.setenv("EVENTLOG_KEYS", word)
    assert keyring_from_file(tmp_path / "keys") == keyring_from_environment() == parse_keyring(word)
    assert hash(keyring_from_environment()) == hash(parse_keyring(word))


@pytest.mark.parametrize(
    "text",
    ["", "a", "a:", "a:AAAA", f":{KEY}", f"a:{KEY} a:{KEY}", "a:" + "!" * 44, f"a:{KEY[:-4]}"],
)
def test_text_that_holds_no_keys_is_refused(text: str) -> None:
    """With an error that names the place and shows no key."""
    with pytest.raises(InvalidKeyRingError) as caught:
        parse_keyring(text)
    assert KEY not in str(caught.value)


def test_what_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not set, a file that is not there, bytes that are no text."""
    monkeypatch.delenv("EVENTLOG_KEYS", raising=False)
    (tmp_path / "bytes").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InvalidKeyRingError, match="EVENTLOG_KEYS"):
        keyring_from_environment()
    for name in ("missing", "bytes"):
        with pytest.raises(InvalidKeyRingError, match=name):
            keyring_from_file(tmp_path / name)


@pytest.mark.parametrize("name", ["", "a:b", "a b", "a,b"])
def test_a_key_has_a_name_that_can_be_read_back(name: str) -> None:
    """No colon, comma or space."""
    with pytest.raises(InvalidKeyRingError):
        new_key(name)


def test_the_current_key_has_to_be_there() -> None:
    """A keyring can always wrap."""
    with pytest.raises(InvalidKeyRingError, match="'b'"):
        LocalKeyRing({"a": bytes(32)}, "b")


def test_a_keyring_shows_names_and_no_keys() -> None:
    """Nor does an error that shows the options of a log."""
    assert repr(parse_keyring(f"a:{KEY}")) == "LocalKeyRing(a, current='a')"
