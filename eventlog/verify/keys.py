"""Comparing the keys of a stream, and its row, with what its events say of them. Pure."""

from collections.abc import Collection, Mapping

from eventlog.format.encryption import generation
from eventlog.format.facts import ConversationErased
from eventlog.format.opening import ERASING, UNENCRYPTED, may_be_plain
from eventlog.format.records import StoredEvent, StreamRow
from eventlog.store.contract.keys import NO_KEY, KeyRow
from eventlog.verify.diagnosis import Finding

Difference = tuple[int, Finding]
"""A version, or 0 for the stream's row, and what is wrong there."""


class KeyTrace:
    """Collects what the events of a stream, in order, say of its data keys and erasures."""

    def __init__(self) -> None:
        self.holding: dict[str, int] = {}
        """The key ids of content that was not erased since, and the first version under each."""
        self._newest = 0
        self._whole: tuple[int, int] | None = None
        """The version of the last erasure of everything, and the newest key by then."""
        self._erased: int | None = None
        self._plain: int | None = None

    @property
    def is_encrypted(self) -> bool:
        """Whether an event is, or was, encrypted."""
        return self._newest > 0

    def take(self, event: StoredEvent) -> None:
        """Follow the next event that is encrypted or erases, or any behind an encrypted one."""
        if event.kind in ERASING:
            self._erased = event.version
        if event.kind == ConversationErased.kind:
            self._whole = event.version, self._newest
            self.holding.clear()
        if event.key_id is not None:
            self._newest = max(self._newest, generation(event.key_id))
            if event.body is not None:
                self.holding.setdefault(event.key_id, event.version)
        elif self._newest and self._plain is None and not may_be_plain(event):
            self._plain = event.version

    def compare_row(self, stream: StreamRow) -> Difference | None:
        """Return what is wrong with the events or the row, as far as it shows without keys."""
        if self._plain is not None:
            return self._plain, Finding("inserted", UNENCRYPTED)
        if stream.erased_version != self._erased:
            return 0, Finding("edited", "the stream names another version as its last erasure")
        if self.is_encrypted and stream.key_id is None:
            return 0, Finding("edited", "the stream names no data key, and has encrypted events")
        return None

    def compare_keys(self, linked: str, keys: Mapping[str, KeyRow]) -> Difference | None:
        """Return what is wrong with the keys of the stream, whose row names `linked`."""
        there = {key_id for key_id, row in keys.items() if row.wrapped_key is not None}
        for key_id, version in self.holding.items():
            if key_id not in there:
                how = "was destroyed, and no event says so" if key_id in keys else "is not there"
                return version, Finding("missing", f"its data key {key_id!r} {how}")
        if self._whole is not None and any(generation(key) <= self._whole[1] for key in there):
            return self._whole[0], Finding(
                "inserted", "a data key that it destroyed is there again"
            )
        if linked == NO_KEY:
            return self._compare_none(keys.keys() - there)
        if linked not in there:
            return 0, Finding("missing", f"the stream's data key {linked!r} is not there")
        if generation(linked) < self._newest:
            return 0, Finding("edited", "the stream names an older data key than its events")
        return None

    def _compare_none(self, destroyed: Collection[str]) -> Difference | None:
        if destroyed and self._whole is not None and self._newest == self._whole[1]:
            return None
        return 0, Finding("edited", "the stream says that its data keys were destroyed")
