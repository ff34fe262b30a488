"""The verifier of evidence, on whatever bytes somebody hands over instead of a bundle."""

import contextlib
import copy
import io
import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.errors import InvalidEvidenceError
from eventlog.operations.bundles import check_evidence
from tests.vectors.generate import FOLDER
from tests.vectors.proofs import SIGNER
from tests.vectors.reading import FILES

MAIN: Final[Callable[[list[str]], int]] = runpy.run_path(str(FOLDER.parent / "verify_evidence.py"))[
    "main"
]
BUNDLES: Final[list[Any]] = [vector["bundle"] for vector in FILES["evidence"]["sound"]]
TEXTS: Final = [json.dumps(bundle).encode() for bundle in BUNDLES]

PROVED: Final = "all of this was in the log when "

often = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def answer(path: Path, data: bytes) -> tuple[int, str]:
    """Return the status, and what was said on either output."""
    path.write_bytes(data)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = MAIN([str(path), str(SIGNER.verifier)])
    return status, out.getvalue()


def is_evidence(data: bytes) -> bool:
    """Tell whether the library accepts it."""
    try:
        check_evidence(data, SIGNER.verifier)
    except InvalidEvidenceError:
        return False
    return True


def hold(path: Path, data: bytes) -> None:
    """Hold the program and the library to one answer, which moves no cursor."""
    status, said = answer(path, data)
    assert status in (0, 1, 2)
    assert (status == 0) == is_evidence(data), said
    assert said.replace("\n", "").isprintable()
    assert any(line.startswith(PROVED) for line in said.split("\n")) == (status == 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a bundle lies."""
    return tmp_path / "bundle.json"


@often
@given(data=st.binary(max_size=200))
def test_any_bytes_are_answered(path: Path, data: bytes) -> None:
    """With a status, and without a traceback."""
    hold(path, data)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """Return the bytes of a bundle, some of which were changed, left out or put in."""
    data = bytearray(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data) - 1))
        size = draw(st.integers(0, 3))
        data[at : at + size] = draw(st.binary(max_size=3))
    return bytes(data)


@often
@given(data=spoilt())
def test_a_bundle_with_other_bytes_is_answered(path: Path, data: bytes) -> None:
    """As the library answers, whatever the bytes have become."""
    hold(path, data)


HOSTILE: Final = ["\x1b[2J", "\n", "\u202e", "\x9b", "é", "", PROVED, f"\x85{PROVED}"]
VALUES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, 2**64, 10**400]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(HOSTILE),
    st.text(max_size=9),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where something stands in a value, the value itself too."""
    found = [path]
    if isinstance(value, dict):
        found += [place for key in value for place in places(value[key], (*path, key))]
    if isinstance(value, list):
        found += [place for n, each in enumerate(value) for place in places(each, (*path, n))]
    return found


@st.composite
def altered(draw: st.DrawFn) -> Any:
    """Return a bundle in which values were exchanged for others, or are gone."""
    bundle: Any = copy.deepcopy(draw(st.sampled_from(BUNDLES)))
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(places(bundle)))
        if not place:
            return draw(VALUES)
        *above, last = place
        inner = bundle
        for key in above:
            inner = inner[key]
        if isinstance(inner, dict) and draw(st.booleans()):
            del inner[last]
        else:
            inner[last] = draw(VALUES)
    return bundle


@often
@given(bundle=altered())
def test_a_bundle_with_other_values_is_answered(path: Path, bundle: Any) -> None:
    """As the library answers; nothing that is shown moves a cursor or begins a line."""
    hold(path, json.dumps(bundle).encode())


@often
@given(text=st.text(max_size=30))
def test_any_key_is_answered(path: Path, text: str) -> None:
    """One that is none could not check."""
    path.write_bytes(TEXTS[0])
    out = io.StringIO()
    with contextlib.redirect_stderr(out):
        assert MAIN([str(path), text]) == 2
    assert out.getvalue()[:-1].isprintable()
