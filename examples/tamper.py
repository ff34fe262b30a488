"""Change one byte of a stored event behind the log's back, as the owner of a file could.

.venv/bin/python examples/tamper.py COPY_OF_A_LOG SESSION_ID VERSION

Who reads the log notices nothing, the triggers are back where they were; verify() tells.
"""

import argparse
import os
import re
import sqlite3
import sys
from contextlib import closing

from eventlog.format.codec import compress, decompress

CONTENT = (
    "SELECT e.position, e.codec, e.body FROM events e JOIN streams s ON s.stream_id = e.stream_id"
    " WHERE s.name = ? AND e.version = ?"
)
TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'"


def main() -> None:
    parser = argparse.ArgumentParser(description="Change one byte of a stored event.")
    parser.add_argument("file", help="a COPY of a log")
    parser.add_argument("session_id")
    parser.add_argument("version", type=int)
    options = parser.parse_args()
    if not os.path.isfile(options.file):
        sys.exit(f"There is no file {options.file}.")
    try:
        with closing(sqlite3.connect(options.file, isolation_level=None)) as db:
            print(tamper(db, options.session_id, options.version))
    except (ValueError, LookupError, OverflowError, sqlite3.Error) as error:
        sys.exit(f"{options.file}: {error}.")


def tamper(db: sqlite3.Connection, session_id: str, version: int) -> str:
    found = db.execute(CONTENT, (session_id, version)).fetchone()
    if not (found and found[2]):
        raise LookupError(f"conversation {session_id!r} has no content at version {version}")
    position, body = found[0], decompress(*found[1:])
    number = re.search(rb"\b[0-9]", body)
    at = number.start() if number else len(body) // 2
    forged = b"9" if body[at : at + 1] != b"9" else b"1"
    triggers = db.execute(TRIGGERS).fetchall()
    db.execute("BEGIN IMMEDIATE")
    for name, _ in triggers:
        db.execute(f'DROP TRIGGER "{name}"')
    content = compress(body[:at] + forged + body[at + 1 :])
    db.execute("UPDATE events SET codec = ?, body = ? WHERE position = ?", (*content, position))
    for _, sql in triggers:
        db.execute(sql)
    db.execute("COMMIT")
    was = body[at : at + 1].decode("latin-1")
    return f"Version {version}, byte {at} of {len(body)}: {was!r} became {forged.decode()!r}."


if __name__ == "__main__":
    main()
