"""Reads docs/vectors, for tests that are parametrized with it."""

import json
from typing import Any, Final

import pytest

from tests.vectors.generate import FOLDER, MADE
from tests.vectors.making import Vector

FILES: Final[dict[str, Vector]] = {
    name: json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in MADE
}


def each(name: str, *groups: str) -> pytest.MarkDecorator:
    """Parametrize a test with the vectors of a group of a file, named by what they are about."""
    found: Any = FILES[name]
    for group in groups:
        found = found[group]
    ids = [vector.get("about", str(number)) for number, vector in enumerate(found)]
    return pytest.mark.parametrize("vector", found, ids=ids)
