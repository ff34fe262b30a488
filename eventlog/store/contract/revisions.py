"""Which revisions of the tables there are, and where a log says which one it has."""

from typing import Final

VERSION_TABLE: Final = "eventlog_version"
REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every revision ever released, oldest first; the last is what this release reads and writes."""

HEAD: Final = REVISIONS[-1]
