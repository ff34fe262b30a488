"""Which conversation an error of the database is of, said where it leaves the store.

A stream's identity knows its name wherever that was known (`StreamId`), so whatever was asked of
one stream fails by its name.
"""

from collections.abc import Iterable, Sequence
from typing import Final, cast

from eventlog.errors import StoreError
from eventlog.errors.translating import Translator
from eventlog.format.records import StreamId


class concerning(Translator):  # noqa: N801 - a context manager, read as a word
    """Have each StoreError of the block name the conversation. One that names one is left alone.

    It is another error each time: those who waited together hear of the same failure.
    """

    def __init__(self, stream: str) -> None:
        self._stream: Final = stream

    def translate(self, error: BaseException) -> None:
        if isinstance(error, StoreError) and error.stream is None:
            raise error.of(self._stream) from error.__cause__


def of_arguments(error: StoreError, arguments: Iterable[object]) -> StoreError:
    """Return the error as that of the one stream that is among the arguments of a call, if any."""
    named = [each.name for each in map(_only, arguments) if isinstance(each, StreamId)]
    return error.of(named[0]) if named and error.stream is None else error


def _only(argument: object) -> object:
    if isinstance(argument, (list, tuple)):
        several = cast("Sequence[object]", argument)
        return several[0] if len(several) == 1 else None
    return argument
