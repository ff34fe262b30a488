"""Errors that name their conversation: copies that keep all that they said and had."""

import copy
import pickle

import pytest

from eventlog.errors import BusyError, RefusedValueError, StoreError, WaitTimeoutError
from eventlog.format.chain import stream_id
from eventlog.format.records import StreamId
from eventlog.store.nouns.concerned import concerning, of_arguments


@pytest.mark.parametrize(
    "error",
    [BusyError("It is locked."), RefusedValueError("db", "22021"), WaitTimeoutError(3, 0.1, 2)],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_a_conversation_is_the_same_in_other_words(error: StoreError) -> None:
    """Type, attributes and cause stay; the first one is as it was, for whoever else has it."""
    error.__cause__ = OSError("below")
    words = str(error)
    named = error.of("chat")
    assert type(named) is type(error)
    assert str(named) == f"Conversation 'chat': {words}"
    assert {**vars(error), "stream": "chat"} == vars(named)
    assert named.__cause__ is error.__cause__
    assert (error.stream, str(error)) == (None, words)


def test_who_names_it_first_is_right() -> None:
    """What is deeper knows better: the key of a parent, for example."""
    with pytest.raises(BusyError) as caught, concerning("child"), concerning("parent"):
        raise BusyError("It is locked.")
    assert caught.value.stream == "parent"


def test_only_a_call_about_one_stream_is_of_a_conversation() -> None:
    """Of several it is of none of them; bytes alone say no name."""
    one, other = stream_id("tenant", "one"), stream_id("tenant", "other", "branch")
    error = BusyError("It is locked.")
    assert of_arguments(error, [1, one]).stream == "one"
    assert of_arguments(error, [[other], 1]).stream == "other"
    several: list[list[object]] = [[], [[one, other]], [bytes(one)], [[]], ["one"]]
    for arguments in several:
        assert of_arguments(error, arguments) is error


def test_an_identity_with_a_name_is_the_identity() -> None:
    """In tables of this process and in the database; and it survives a copy."""
    named = stream_id("tenant", "chat")
    assert named == bytes(named)
    assert {bytes(named): 1}[named] == 1
    for copied in (copy.deepcopy(named), pickle.loads(pickle.dumps(named))):
        assert isinstance(copied, StreamId)
        assert (copied, copied.name) == (named, "chat")
