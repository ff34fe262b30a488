"""Comparing which contents of a stream are gone with what its events say was erased. Pure.

Rule (docs/format.md): an `erased` event takes the content of every event before it but those of its
own kind, a `redacted` event that of the one event which it names, unless that is of its own kind.
Content is gone if, and only if, one of these took it.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import msgspec

from eventlog.format.events import load_header
from eventlog.format.facts import ConversationErased, EventErased
from eventlog.format.opening import NOT_ERASED
from eventlog.format.records import StoredEvent
from eventlog.verify.diagnosis import Finding
from eventlog.verify.keys import Difference

GONE: Final = Finding("missing", NOT_ERASED)

_THERE: Final = "its content is there, though version {} says that it was erased"


class Runs:
    """A set of versions that are added in order, as ranges: what lies beside each other is one."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __contains__(self, version: int) -> bool:
        at = bisect_right(self._firsts, version) - 1
        return at >= 0 and version <= self._lasts[at]

    def add(self, version: int) -> None:
        """Add a version behind all others."""
        if self._lasts and self._lasts[-1] == version - 1:
            self._lasts[-1] = version
        else:
            self._firsts.append(version)
            self._lasts.append(version)

    def first_outside(self, version: int) -> int:
        """Return the first version from this one on that is not in the set."""
        at = bisect_right(self._firsts, version) - 1
        return version if at < 0 or version > self._lasts[at] else self._lasts[at] + 1

    def first_but(self, known: set[int]) -> int | None:
        """Return the first version that is not among the `known`."""
        for first, last in zip(self._firsts, self._lasts, strict=True):
            for version in range(first, last + 1):
                if version not in known:
                    return version
        return None


class ContentTrace:
    """Follows which contents of a stream are gone, and what its events say of that.

    It needs the events without content and those that erase, each in order; memory grows with
    erasures, not with events.
    """

    def __init__(self) -> None:
        self.gone = 0
        """How many events have no content."""
        self._whole = 0
        """The version of the last `erased`: what was before it is settled, but for its kind."""
        self._gone = Runs()
        """The versions behind it whose content is gone."""
        self._redacted: set[int] = set()
        """The versions behind it that were erased alone."""
        self._redacting: set[int] = set()
        """The versions behind it of kind `redacted`."""
        self._erasing: dict[int, bool] = {}
        """The versions of kind `erased`, and whether the content is gone, and nothing says so."""
        self._there: Difference | None = None

    def take(self, event: StoredEvent) -> None:
        """Follow the next event that has no content, or is of a kind that erases."""
        is_gone = event.body is None
        self.gone += is_gone
        if event.kind == ConversationErased.kind:
            self._erase_all(event.version)
            self._erasing[event.version] = is_gone
            return
        if is_gone:
            self._gone.add(event.version)
        if event.kind == EventErased.kind:
            self._redacting.add(event.version)
            self._erase(event)

    @property
    def restored(self) -> Difference | None:
        """The first event whose content is there though one behind it says that it was erased."""
        return self._there

    def compare(self) -> Difference | None:
        """Return the first event whose content should be there, or should not."""
        gone = [version for version, is_gone in self._erasing.items() if is_gone]
        first = self._gone.first_but(self._redacted)
        gone += [] if first is None else [first]
        found: list[Difference] = [(version, GONE) for version in gone]
        found += [] if self._there is None else [self._there]
        return min(found, default=None)

    def _erase_all(self, version: int) -> None:
        there = self._gone.first_outside(self._whole + 1)
        if there < version:
            self._note(there, version)
        self._whole, self._gone = version, Runs()
        self._redacted.clear()
        self._redacting.clear()

    def _erase(self, event: StoredEvent) -> None:
        version = erased_by(event)
        if version is None or version >= event.version:
            return  # It is said elsewhere that its header is none.
        if version in self._erasing:
            if not self._erasing[version]:
                self._note(version, event.version)
            self._erasing[version] = False
        elif version > self._whole and version not in self._redacting:
            if version not in self._gone:
                self._note(version, event.version)
            self._redacted.add(version)

    def _note(self, version: int, by: int) -> None:
        there = version, Finding("inserted", _THERE.format(by))
        self._there = there if self._there is None else min(self._there, there)


def erased_by(redacted: StoredEvent) -> int | None:
    """Return the version that a `redacted` event names; None if it names none."""
    try:
        return load_header(redacted.header).erased
    except (ValueError, RecursionError, msgspec.MsgspecError):
        return None


def lost(nulls: Iterable[StoredEvent], erasing: Iterable[StoredEvent]) -> frozenset[int]:
    """Return the versions of events without content that no event took.

    `erasing` are the events of the stream that erase, those behind the first of `nulls` at least.
    """
    found = list(erasing)
    whole = max((each.version for each in found if each.kind == ConversationErased.kind), default=0)
    alone = {erased_by(each) for each in found if each.kind == EventErased.kind}
    return frozenset(
        each.version
        for each in nulls
        if not (each.version < whole and each.kind != ConversationErased.kind)
        and not (each.version in alone and each.kind != EventErased.kind)
    )
