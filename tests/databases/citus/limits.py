"""What a distributed log cannot do, test by test, with its reason: nothing is skipped in silence.

Each of these tests has to fail on Citus (tests/distributing.py), and has to be there.
"""

from collections.abc import Mapping, Sequence
from typing import Final

Limits = Mapping[str, Sequence[str]]
"""The tests of each reason, by the names that pytest gives them."""

_IMMUTABILITY: Final = "tests/contract/log/test_immutability.py"
_OUTCOMES: Final = "tests/faults/test_outcomes.py"

LIMITS: Final[Limits] = {
    "Citus refuses this MERGE before a trigger could: it wants a join by the stream": [
        f"{_IMMUTABILITY}::test_the_ways_round_a_trigger_are_closed[postgres-3]",
    ],
    "Citus refuses an UPDATE of stream_id before a trigger could, by another error": [
        f"{_IMMUTABILITY}::test_other_evidence_is_not_changed_or_removed[postgres]",
    ],
    "a database of the coordinator that only reads says nothing of the nodes, where appends go": [
        f"{_OUTCOMES}::test_a_server_that_only_read_for_a_while_is_not_remembered",
    ],
}
