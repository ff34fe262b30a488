"""Which files of ours a call goes through, in the order in which functions of them are called."""

import contextlib
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from types import FrameType
from typing import Any, Final

from tests.docs.pages import ROOT

_OURS: Final = ("eventlog/", "projections/", "adapters/")


class Journey:
    """Files in the order in which functions of them were called, while it was recorded."""

    def __init__(self) -> None:
        self.calls: Final[list[str]] = []
        self._is_recorded = False

    @contextlib.contextmanager
    def recorded(self) -> Generator[None]:
        """Record what is called inside."""
        self.calls.clear()
        self._is_recorded = True
        try:
            yield
        finally:
            self._is_recorded = False

    def enter(self, frame: FrameType, event: str, _argument: Any) -> None:
        """Take a call, as sys.setprofile tells of it; what a module does when imported is none."""
        if event != "call" or not self._is_recorded or frame.f_code.co_name == "<module>":
            return
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(_OURS) and self.calls[-1:] != [name]:
                self.calls.append(name)


@contextlib.contextmanager
def watched() -> Generator[Journey]:
    """Watch this thread, and those that are started inside."""
    journey = Journey()
    before = sys.getprofile()
    threading.setprofile(journey.enter)
    sys.setprofile(journey.enter)
    try:
        yield journey
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
