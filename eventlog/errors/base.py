"""The base of every error, and of those whose message is a template."""

from typing import Any, ClassVar, Self, dataclass_transform


class EventLogError(Exception):
    """Base of every error that this library raises on purpose."""

    def saying(self, message: str) -> Self:
        """Return another error of the same kind, attributes and cause, in other words."""
        other = type(self).__new__(type(self))
        other.args = (message,)
        vars(other).update(vars(self))
        other.__cause__ = self.__cause__
        return other


@dataclass_transform(eq_default=False)
class TemplateError(EventLogError):
    """Takes its annotated attributes as arguments, in order, and formats `_template` with them."""

    _template: ClassVar[str]
    _attributes: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._attributes = (*cls._attributes, *cls.__annotations__)

    def __init__(self, *given: Any, **named: Any) -> None:
        attributes = {**dict(zip(self._attributes, given, strict=False)), **named}
        vars(self).update(attributes)
        super().__init__(self._template.format(**attributes))
