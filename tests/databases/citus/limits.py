"""What a distributed log cannot do, test by test, with its reason: nothing is skipped in silence.

Each of these tests has to fail on Citus (tests/distributing.py), and has to be there.
"""

from collections.abc import Mapping, Sequence
from typing import Final

Limits = Mapping[str, Sequence[str]]
"""The tests of each reason, by the names that pytest gives them."""

LIMITS: Final[Limits] = {}
