"""What the codec promises: an item comes back as json would give it back, or is refused."""

import contextlib
import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any, Final, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.errors import InvalidItemError
from eventlog.format.codec import (
    DEFLATE,
    MAX_DEPTH,
    RAW,
    ZLIB,
    compress,
    decode_json,
    decompress,
    encode_json,
)
from eventlog.format.dictionary import DICTIONARY

T = TypeVar("T")

SURROGATES: Final = st.characters(categories=["Cs"])
TEXT: Final = st.text(st.characters(exclude_categories=()) | SURROGATES)
NUMBERS: Final = st.integers() | st.integers(-(2**300), 2**300) | st.floats()
ATOMS: Final = st.none() | st.booleans() | NUMBERS | TEXT
KEYS: Final = TEXT | st.none() | st.booleans() | st.integers() | st.floats()
JSON: Final = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
)

PACKED: Final = [(ZLIB, zlib.compress(b"a" * 1000)), compress(b"a" * 1000)]

ITEMS_OF_THE_SDK: Final[list[dict[str, Any]]] = [
    {"content": "What is the weather in Berlin tomorrow?", "role": "user"},
    {
        "id": "rs_68af4030baa48193b0b43b4c2a176a1a",
        "summary": [{"text": "**Thinking**", "type": "summary_text"}],
        "type": "reasoning",
    },
    {
        "arguments": '{"city":"Berlin"}',
        "call_id": "call_Lc0Ze1vG5oUqGmNd9FzQ8yXk",
        "name": "get_weather",
        "type": "function_call",
        "id": "fc_68af40337e9c8193",
        "status": "completed",
    },
    {"call_id": "call_Lc0Ze1vG5oUqGmNd", "output": "Sunny", "type": "function_call_output"},
    {
        "id": "msg_68af4035a1e48193",
        "content": [
            {"annotations": [], "text": "It is sunny.", "type": "output_text", "logprobs": []}
        ],
        "role": "assistant",
        "status": "completed",
        "type": "message",
    },
]


def exactly(value: Any) -> str:
    """Tell apart what == does not: NaN from NaN, 1 from 1.0 and True, the order of keys."""
    return repr(value)


def nested(depth: int, innermost: Any = None) -> Any:
    value = innermost
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


def innermost_of(value: Any, depth: int) -> Any:
    """Undo `nested`."""
    for level in reversed(range(depth)):
        value = value[0] if level % 2 else value["in"]
    return value


def deep_in_the_stack(calls: int, function: Callable[[], T]) -> T:
    return function() if calls == 0 else deep_in_the_stack(calls - 1, function)


@given(JSON)
def test_what_json_gives_back_comes_back(value: Any) -> None:
    """Every value that json.dumps takes, surrogates, NaN and big integers among them."""
    assert exactly(decode_json(encode_json(value))) == exactly(json.loads(json.dumps(value)))


@given(JSON)
def test_what_is_encoded_is_json_for_a_stranger(value: Any) -> None:
    """The standard library alone reads the stored bytes."""
    stored = encode_json(value).decode("utf-8")
    assert exactly(json.loads(stored)) == exactly(json.loads(json.dumps(value)))


@given(JSON)
@example({None: 1, "null": 2})
def test_encoding_again_gives_the_same_bytes(value: Any) -> None:
    """An item that was read and is written again is the same item.

    Read first: two keys of Python's can be one of JSON's, and the last of them is what is read.
    """
    read = decode_json(encode_json(value))
    once = encode_json(read)
    assert encode_json(decode_json(once)) == once


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({"b": 1, "a": [True, None]}, b'{"b":1,"a":[true,null]}'),
        ("gr\u00fc\u00df \U0001f389", '"gr\u00fc\u00df \U0001f389"'.encode()),
        ("\u00fc\ud800", b'"\\u00fc\\ud800"'),
        ([float("nan"), float("inf"), -float("inf"), -0.0], b"[NaN,Infinity,-Infinity,-0.0]"),
        (2**64, b"18446744073709551616"),
        ("\x00\x7f", b'"\\u0000\x7f"'),
    ],
    ids=["compact", "utf-8", "a lone surrogate", "no numbers", "a big integer", "control"],
)
def test_items_are_encoded_as_documented(value: Any, stored: bytes) -> None:
    """docs/format.md says which of json's spellings is stored."""
    assert encode_json(value) == stored


@pytest.mark.parametrize(
    "value",
    [{1, 2}, b"bytes", object(), {"a": {("tuple",): 1}}, 1j, [float], 10**5000],
    ids=["set", "bytes", "object", "key", "complex", "class", "too many digits"],
)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    """Nothing is stored that would not come back."""
    with pytest.raises(InvalidItemError, match="JSON cannot hold"):
        encode_json(value)


def test_an_item_that_holds_itself_is_refused() -> None:
    """A circle has no end to store."""
    item: list[Any] = []
    item.append(item)
    with pytest.raises(InvalidItemError):
        encode_json(item)


@pytest.mark.parametrize("innermost", [None, "\ud800", float("nan")], ids=["plain", "lone", "nan"])
@pytest.mark.parametrize("calls", [0, 700])
def test_the_deepest_item_is_read_back_wherever_the_caller_is(innermost: Any, calls: int) -> None:
    """A reader that is itself deep in its stack reads what another one wrote."""
    stored = encode_json(nested(MAX_DEPTH, innermost))
    read = deep_in_the_stack(calls, lambda: decode_json(stored))
    assert exactly(innermost_of(read, MAX_DEPTH)) == exactly(innermost)


def test_the_deepest_item_is_accepted_wherever_the_caller_is() -> None:
    """What can be stored does not depend on how deep in its stack the writer is."""
    item = nested(MAX_DEPTH)
    assert deep_in_the_stack(700, lambda: encode_json(item)) == encode_json(item)


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, MAX_DEPTH + 50, 100_000])
def test_a_deeper_item_is_refused(depth: int) -> None:
    """One level more than can be read back is one too many."""
    with pytest.raises(InvalidItemError, match="deep"):
        encode_json(nested(depth))


def test_brackets_in_strings_and_beside_each_other_are_no_depth() -> None:
    """Only nesting counts: a long program in a string is a flat item."""
    item: list[Any] = ['["\\', "[" * 5000, '\\"' + "{" * 5000, [[]] * 5000, {}]
    assert decode_json(encode_json(item)) == item


@given(
    st.binary()
    | st.text().map(str.encode)
    | JSON.map(lambda value: repr(value).encode("utf-8", "replace"))
)
@example('["a"]'.encode("utf-16"))
@example(b"1" * 5000)
@example(b"\xef\xbb\xbf[1]")
def test_bytes_that_are_no_json_raise_only_value_error(stored: bytes) -> None:
    """Whatever tampering leaves behind, a reader can tell it from a fault of the program."""
    with contextlib.suppress(ValueError):
        decode_json(stored)


@given(JSON, st.data())
def test_a_damaged_item_raises_only_value_error(value: Any, data: st.DataObject) -> None:
    """One byte changed, or the end cut off: read, or ValueError."""
    stored = bytearray(encode_json(value))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] = data.draw(st.integers(0, 255))
    for damaged in (bytes(stored), bytes(stored[:at])):
        with contextlib.suppress(ValueError):
            decode_json(damaged)


@pytest.mark.parametrize(
    "stored", [b"[" * 200_000, b"[" * 200_000 + b"]" * 200_000], ids=["open", "closed"]
)
def test_json_that_nests_too_deep_raises_value_error(stored: bytes) -> None:
    """Nobody stored it through this library; reading it is a ValueError like other garbage."""
    with pytest.raises(ValueError):  # noqa: PT011
        decode_json(stored)


@given(st.binary(max_size=2000) | st.text("ab ", min_size=200).map(str.encode))
def test_a_compressed_body_opens_to_what_it_was(body: bytes) -> None:
    """Compression loses nothing."""
    assert decompress(*compress(body)) == body


@given(st.binary(max_size=2000) | st.text("ab ", min_size=200).map(str.encode))
def test_a_stored_body_is_never_longer_than_it_was(body: bytes) -> None:
    """Compression is used only where it helps, and the codec says whether it was."""
    codec, stored = compress(body)
    assert len(stored) < len(body) if codec == DEFLATE else stored == body


@pytest.mark.parametrize("times", [10, 100, 10_000])
def test_a_body_is_stored_as_deflate_with_the_dictionary(times: int) -> None:
    """The standard library alone opens it, whatever its size."""
    body = b"[" + b'"again",' * times + b"0]"
    codec, stored = compress(body)
    opener = zlib.decompressobj(-15, zdict=DICTIONARY)
    assert (codec, opener.decompress(stored), opener.eof) == (DEFLATE, body, True)


def test_the_dictionary_is_what_it_was() -> None:
    """Whatever was stored with it opens with no other: a better one is another codec."""
    digest = "c36e6e9d955f1a6bdc75ed2fb3a3657c30b04067a4fb68663816c257ddc7c1b2"
    assert (hashlib.sha256(DICTIONARY).hexdigest(), DICTIONARY.isascii()) == (digest, True)


@pytest.mark.parametrize("item", ITEMS_OF_THE_SDK)
def test_items_of_the_sdk_take_half(item: dict[str, Any]) -> None:
    """What every item of a kind has in common is in the dictionary."""
    body = encode_json([item])
    assert len(compress(body)[1]) <= len(body) / 2


@given(st.binary(max_size=300))
def test_garbage_that_claims_to_be_zlib_raises_value_error(garbage: bytes) -> None:
    """A tampered body is told apart from every other fault."""
    with pytest.raises(ValueError, match="do not"):
        decompress(ZLIB, garbage)


@pytest.mark.parametrize("extra", [b"\x00", b"junk", zlib.compress(b"more")])
@pytest.mark.parametrize(("codec", "stored"), PACKED)
def test_bytes_behind_the_end_of_a_stream_raise_value_error(
    codec: int, stored: bytes, extra: bytes
) -> None:
    """A body is one stream and nothing else, or readers would differ on what it says."""
    with pytest.raises(ValueError, match="do not"):
        decompress(codec, stored + extra)


@pytest.mark.parametrize("cut", [1, 4, 5])
@pytest.mark.parametrize(("codec", "stored"), PACKED)
def test_a_truncated_stream_raises_value_error(codec: int, stored: bytes, cut: int) -> None:
    """Nobody reads the first half of a body as if it were all of it."""
    with pytest.raises(ValueError, match="do not"):
        decompress(codec, stored[:-cut])


@pytest.mark.parametrize("codec", [-1, 3, 255])
def test_an_unknown_codec_raises_value_error(codec: int) -> None:
    """Bytes of a later release are not shown as if they were raw."""
    with pytest.raises(ValueError, match=f"unknown codec {codec}"):
        decompress(codec, b"[]")


def test_a_raw_body_is_what_is_stored() -> None:
    """Codec 0 adds nothing."""
    assert decompress(RAW, b"[]") == b"[]"
