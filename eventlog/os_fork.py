"""What a child process of os.fork() does with what it inherits.

Rule: connections, threads and event loops belong to the parent. A child never uses them, and never
closes them either: that would reach the parent's peers.
"""

import os
import weakref
from typing import Final, Protocol


class Resettable(Protocol):
    """Something with a state that is of no use in a child process."""

    def reset_after_fork(self) -> None:
        """Begin anew, without a lock: no other thread is in this process yet."""
        ...


_owners: Final["weakref.WeakSet[Resettable]"] = weakref.WeakSet()
_kept_alive: Final[list[object]] = []


def register(owner: Resettable) -> None:
    """Have `owner` reset in every child process, for as long as it lives."""
    _owners.add(owner)


def keep_alive(held: object) -> None:
    """Keep an object until the process has ended, so that no finalizer closes what it holds.

    The interpreter holds the callback below, and so this module, to its very end.
    """
    _kept_alive.append(held)


def _reset_all() -> None:
    for owner in tuple(_owners):
        owner.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
