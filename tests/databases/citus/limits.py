"""What a distributed log cannot do, test by test, with its reason: nothing is skipped in silence.

Each of these tests has to fail on Citus (tests/distributing.py), and has to be there.
"""

from collections.abc import Mapping, Sequence
from typing import Final

Limits = Mapping[str, Sequence[str]]
"""The tests of each reason, by the names that pytest gives them."""

_IMMUTABILITY: Final = "tests/contract/log/test_immutability.py"
_MATRIX: Final = "tests/contract/verify/test_tamper_matrix.py"
_OUTCOMES: Final = "tests/faults/test_outcomes.py"
_VERIFY: Final = "tests/contract/verify"

LIMITS: Final[Limits] = {
    "Citus refuses this MERGE before a trigger could: it wants a join by the stream": [
        f"{_IMMUTABILITY}::test_the_ways_round_a_trigger_are_closed[postgres-3]",
    ],
    "Citus refuses an UPDATE of stream_id before a trigger could, by another error": [
        f"{_IMMUTABILITY}::test_other_evidence_is_not_changed_or_removed[postgres]",
    ],
    "Citus refuses to change the stream_id of a row, which is the damage": [
        f"{_MATRIX}::test_any_column_of_an_event[postgres-stream_id]",
        f"{_MATRIX}::test_any_column_of_a_stream[postgres-stream_id]",
        f"{_MATRIX}::test_any_column_of_the_feed_and_its_tree[postgres-queue-stream_id]",
        f"{_MATRIX}::test_an_event_of_a_branch[postgres]",
        f"{_VERIFY}/test_since.py::test_any_column_of_a_new_event[postgres-stream_id]",
        f"{_VERIFY}/test_tamper_keys.py::test_any_column_of_a_key[postgres-stream_id]",
        f"{_VERIFY}/test_verify.py::test_a_change_of_any_column_is_found_at_its_event"
        "[postgres-stream_id]",
        f"{_VERIFY}/test_verify.py::test_an_event_moved_from_another_conversation_is_found[postgres]",
    ],
    "triggers of many nodes are enabled as this test enables one, so that shards can be moved": [
        f"{_VERIFY}/test_protection.py::"
        "test_what_guards_and_is_gone_is_a_warning[postgres-trigger events_truncate]",
    ],
    "the commit is held back by an advisory lock of the coordinator, and nodes have their own": [
        "tests/faults/test_feed_races.py::test_a_commit_that_is_held_back_is_not_skipped",
    ],
    "nothing limits the role of a tenant on many nodes, so that making one is refused": [
        "tests/adapters/cli/test_cli_answers.py::test_roles_are_created_for_a_server_only[postgres]",
    ],
    "a database of the coordinator that only reads says nothing of the nodes, where appends go": [
        f"{_OUTCOMES}::test_a_server_that_only_read_for_a_while_is_not_remembered",
    ],
}
