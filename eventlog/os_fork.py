"""What a child process of os.fork() does with what it inherits.

Rule: connections, threads and event loops belong to the parent. A child never uses them, and never
closes them either: that would reach the parent's peers.

A library that another thread is in has locks of its own, which nobody would ever open in the child.
So a fork waits until no thread is in a section.
"""

import os
import threading
import time
import weakref
from typing import Final, Protocol


class Resettable(Protocol):
    """Something with a state that is of no use in a child process."""

    def reset_after_fork(self) -> None:
        """Begin anew, without a lock: no other thread is in this process yet."""
        ...


class Section:
    """What one thread does in such a library, with the lock held."""

    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock: Final = threading.RLock()
        _sections.add(self)


PATIENCE: Final = 5.0
"""Seconds that a fork waits for all sections at most."""

_owners: Final["weakref.WeakSet[Resettable]"] = weakref.WeakSet()
_kept_alive: Final[list[object]] = []
_sections: Final["weakref.WeakSet[Section]"] = weakref.WeakSet()
_held: Final[list[Section]] = []
_forking: Final = threading.RLock()


def register(owner: Resettable) -> None:
    """Have `owner` reset in every child process, for as long as it lives."""
    _owners.add(owner)


def keep_alive(held: object) -> None:
    """Keep an object until the process has ended, so that no finalizer closes what it holds.

    The interpreter holds the callback below, and so this module, to its very end.
    """
    _kept_alive.append(held)


def _enter_all() -> None:
    _forking.acquire()
    patience = time.monotonic() + PATIENCE
    for each in tuple(_sections):
        if each.lock.acquire(timeout=max(0.0, patience - time.monotonic())):
            _held.append(each)


def _leave_all() -> None:
    while _held:
        _held.pop().lock.release()
    _forking.release()


def _begin_child() -> None:
    _leave_all()
    _reset_all()


def _reset_all() -> None:
    for owner in tuple(_owners):
        owner.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_enter_all, after_in_parent=_leave_all, after_in_child=_begin_child)
