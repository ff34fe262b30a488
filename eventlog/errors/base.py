"""The base of every error, and of those whose message is a template."""

from typing import Any, ClassVar, dataclass_transform


class EventLogError(Exception):
    """Base of every error that this library raises on purpose."""


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
