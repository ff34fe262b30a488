"""The SDK's sessions imported over stand-ins for drivers that are not installed."""

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest


def import_over(
    monkeypatch: pytest.MonkeyPatch, modules: Mapping[str, Mapping[str, object]], session: str
) -> Any:
    """Import a real session class, `module:name`, over these modules, for the time of a test."""
    for module, members in modules.items():
        stand_in = ModuleType(module)
        vars(stand_in).update(members)
        monkeypatch.setitem(sys.modules, module, stand_in)
    module, _, name = session.partition(":")
    monkeypatch.delitem(sys.modules, module, raising=False)
    imported = importlib.import_module(module)
    monkeypatch.setitem(sys.modules, module, imported)  # Gone again after the test.
    return getattr(imported, name)
