"""Writes docs/vectors: `python -m tests.vectors.generate`. The same bytes every time.

A file that changes is a change of the stored format, or a vector that is new: say so in the commit.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.vectors import evidence, proofs, sealed, streams
from tests.vectors.making import Vector

FOLDER: Final = Path(__file__).parents[2] / "docs" / "vectors"

MADE: Final[dict[str, Callable[[], Vector]]] = {
    "hash": streams.hashes,
    "bodies": streams.bodies,
    "lists": streams.lists,
    "encryption": sealed.encrypted,
    "tree": proofs.tree,
    "proofs": proofs.proofs,
    "notes": proofs.notes,
    "receipts": proofs.receipts,
    "evidence": evidence.bundles,
}


def text(name: str) -> str:
    """Return what the file of that name holds: JSON in ASCII."""
    return json.dumps(MADE[name](), indent=1) + "\n"


def main() -> None:
    """Write every file."""
    FOLDER.mkdir(exist_ok=True)
    for name in MADE:
        (FOLDER / f"{name}.json").write_text(text(name), "utf-8")


if __name__ == "__main__":
    main()
