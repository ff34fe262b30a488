"""Checking the notes of stored heads: that they say what their rows say, and who signed them."""

from eventlog.errors import InvalidHeadError
from eventlog.format.records import SignedHead
from eventlog.proof.checkpoint import Verifiers, every, open_head, parse_head, signed_by
from eventlog.verify.diagnosis import Finding
from eventlog.verify.faults import VerifyWarning


class NoteCheck:
    """Checks one note after the other against keys, if any were given.

    A head that another key signed is no fault: a log may get a new key. A signature that names one
    of the keys and is not its own is one, and so is the note of another log.
    """

    def __init__(self, keys: Verifiers | None) -> None:
        self._keys = every(keys)
        self._others: dict[str, list[int]] = {}

    def check(self, head: SignedHead) -> Finding | None:
        """Return what is wrong with a stored head."""
        try:
            said, signers = parse_head(head.note), signed_by(head.note)
            if any(key.is_named(head.note) for key in self._keys):
                open_head(head.note, self._keys)
            elif self._keys:
                self._others.setdefault(", ".join(signers), []).append(head.size)
        except InvalidHeadError as error:
            return Finding("edited", f"the stored head is none: {error}")
        if said.origin not in {signer.rpartition("+")[0] for signer in signers}:
            return Finding("edited", "the stored head is of another log than that of who signed it")
        if (said.size, said.root) != (head.size, head.root):
            return Finding("edited", "the stored head and its note say different things")
        return None

    def warnings(self) -> list[VerifyWarning]:
        """Return who else signed heads."""
        return [
            VerifyWarning("signature", _told(signers, sizes))
            for signers, sizes in self._others.items()
        ]


def _told(signers: str, sizes: list[int]) -> str:
    heads = f"{len(sizes):,} stored heads, up to that of size {sizes[-1]:,}, are"
    which = heads if len(sizes) > 1 else f"the stored head of size {sizes[0]:,} is"
    return (
        f"{which} signed by another key, {signers!r}. If it was the log's, give it as well"
        " (--key may be repeated): its signatures are checked then"
    )
