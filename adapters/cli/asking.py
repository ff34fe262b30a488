"""Asking whoever is there, before something cannot be taken back."""

import sys

from eventlog import InvalidInputError


def confirm(question: str, *, yes: bool) -> None:
    """Ask whoever is there. Raises InvalidInputError unless they, or --yes, say so."""
    if yes:
        return
    if not is_somebody_there():
        raise InvalidInputError(f"{question}? Nobody is there to ask: say --yes.")
    sys.stderr.write(f"{question}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InvalidInputError("Nothing was destroyed.")


def is_somebody_there() -> bool:
    """Tell whether a question would be seen."""
    return sys.stdin.isatty()
