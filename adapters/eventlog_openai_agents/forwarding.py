"""Attributes of another object, forwarded where everybody can see that they are there.

Rule: what `__getattr__` answers for is on the class too. Whoever looks without asking for a value
does not see `__getattr__`: since Python 3.12 `isinstance` looks up the members of a
runtime-checkable protocol with `inspect.getattr_static`, and the SDK looks up hooks on the type.
"""

import functools
from collections.abc import Set as AbstractSet
from typing import Any, Final


class Forwarded:
    """The attribute `name` of another object: of an instance, what `__getattr__` returns for it."""

    def __init__(self, name: str) -> None:
        self._name: Final = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance.__getattr__(self._name)

    def __call__(self, instance: Any, /, *args: Any, **options: Any) -> Any:
        """Call the method of `instance`: as a function is called that was found on its type."""
        return getattr(instance, self._name)(*args, **options)


def forwarding(base: type, other: object, *asked: str) -> type:
    """Return a subclass of `base` that shows what `other` has and `base` has not.

    Names with two underscores at either end stay those of `base`. `asked` are names that `other`
    may have without listing them, because it forwards too.
    """
    found = {*dir(other), *(name for name in asked if hasattr(other, name))}
    return _showing(base, frozenset(filter(_is_plain, found)) - {*dir(base)})


@functools.lru_cache(maxsize=128)
def _showing(base: type, names: AbstractSet[str]) -> type:
    said = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    members = {name: Forwarded(name) for name in names}
    return type(base.__name__, (base,), {**said, "__doc__": base.__doc__, **members})


def _is_plain(name: str) -> bool:
    return not (name.startswith("__") and name.endswith("__"))
