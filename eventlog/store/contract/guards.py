"""The contract of what guards a log: triggers, constraints and indexes, as its tables were made."""

from typing import NamedTuple, Protocol


class Damage(NamedTuple):
    """A place where an index and its table disagree, or where a page is damaged."""

    detail: str
    position: int | None = None
    """Of the event whose row it is, if that is known."""


class GuardSource(Protocol):
    """What keeps rows as they are, and whether the database itself is of one mind about them."""

    async def lost(self) -> list[str]:
        """Return a sentence for each guard that is missing, off, or not as this release makes it.

        Nothing that was recorded is changed by that: the next who writes is not kept from it.
        """
        ...

    async def damage(self) -> list[Damage]:
        """Return some of the places where indexes and tables do not fit.

        Nothing where the database has no way to tell, or does not let this role.
        """
        ...
