"""A statement that is ready for the driver."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Statement(NamedTuple):
    """SQL text for the driver, and its positional arguments in order: name and default."""

    text: str
    parameters: tuple[tuple[str, Any], ...]

    def args(self, values: Mapping[str, Any]) -> list[Any]:
        """Put named values in the driver's order."""
        return [values.get(name, default) for name, default in self.parameters]
