"""Public names that are imported when they are asked for, so that a program loads what it uses.

A package that is a face names its public names twice: for type checkers as imports, and for Python
as places. A test holds both to each other.
"""

import contextlib
import gc
import importlib
import sys
from collections.abc import Callable, Generator, Mapping
from typing import Any


@contextlib.contextmanager
def loading() -> Generator[None]:
    """Load modules in the block: what they make stays, so nobody looks for garbage meanwhile.

    In a program with many objects one such look takes longer than all of the loading.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def lazily(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package: it imports a name from its module, once."""

    def get(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with loading():
            found = getattr(importlib.import_module(places[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return get
