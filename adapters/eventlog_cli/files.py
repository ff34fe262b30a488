"""Files that a command reads and writes: keys, heads, bundles."""

import os
from typing import Final

from eventlog import Signer
from eventlog.errors import InvalidOptionError
from eventlog.files import write_new, write_whole
from eventlog.visible import file_named

SIGNING_VARIABLE: Final = "EVENTLOG_SIGNING_KEY"


def read_text(path: str) -> str:
    """Return what a text file holds. Raises InvalidOptionError."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise InvalidOptionError(f"{file_named(path)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidOptionError(f"{path} cannot be read: it is no text.") from error


def write_secret(path: str, text: str, *, replace: bool = False) -> None:
    """Write a file that only its owner can read, whole or not at all.

    One that is there is left alone unless it is to be replaced: InvalidOptionError.
    """
    try:
        (write_whole if replace else write_new)(path, text.encode())
    except FileExistsError as error:
        raise InvalidOptionError(
            f"{path} is there already, and may be needed. Name another file."
        ) from error


def signer_of(key_file: str | None) -> Signer:
    """Return the key that signs heads: from a file, or from the environment.

    Raises InvalidOptionError or InvalidKeyError.
    """
    text = os.environ.get(SIGNING_VARIABLE) if key_file is None else read_text(key_file)
    if text is None:
        raise InvalidOptionError(
            f"Which key signs? Give --key-file FILE, or the key itself in {SIGNING_VARIABLE}."
            " `eventlog keys signing` makes one."
        )
    return Signer.load(text)
