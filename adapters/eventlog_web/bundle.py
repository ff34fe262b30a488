"""Script and style of a file that stands alone: modules put together, with their hashes.

Rule of the modules: an import is one line, names are unique over all of them.
"""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Final

_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ", re.MULTILINE)


@cache
def script(entry: str) -> str:
    """Return a module with all that it imports, as one, in the order in which they run."""
    done: list[str] = []

    def visit(name: str) -> str:
        if name in done:
            return ""
        done.append(name)
        source = read(name)
        needed = "".join(visit(each) for each in _IMPORT.findall(source))
        return needed + _EXPORT.sub("", _IMPORT.sub("", source))

    return visit(entry)


@cache
def read(name: str) -> str:
    """Return a file of `static/`."""
    return files("eventlog_web").joinpath("static", name).read_text("utf-8")


def hash_of(text: str) -> str:
    """Return what a Content-Security-Policy calls an inline script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
