"""What turns errors on their way out of a block into others."""

import abc
from types import TracebackType
from typing import Self


class Translator(abc.ABC):
    """A context manager that a failed block is translated by; one that succeeded costs a call.

    A generator would cost several, on the way of every append.
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self.translate(error)

    @abc.abstractmethod
    def translate(self, error: BaseException) -> None:
        """Raise what is to be told in its place; return, and it is told as it is."""
