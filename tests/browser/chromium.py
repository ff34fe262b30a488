"""The Chromium that is installed, and a page of it."""

import os
import shutil
from typing import Final

from playwright.async_api import Browser, Playwright

VARIABLE: Final = "EVENTLOG_TEST_CHROMIUM"
"""Names one, where it is called otherwise."""

_CALLED: Final = ("chromium", "chromium-browser", "google-chrome")
MISSING: Final = (
    "There is no Chromium. On Debian `.ci/servers` installs it (apt-get install chromium);"
    f" elsewhere install one, and name it in {VARIABLE}."
)


def find() -> str | None:
    """Return the path of Chromium, or None."""
    return os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, _CALLED)), None)


async def launch(playwright: Playwright) -> Browser:
    """Start it. Raises FileNotFoundError."""
    path = find()
    if path is None:
        raise FileNotFoundError(MISSING)
    # A container has no namespaces to build its sandbox of; the pages are our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return await playwright.chromium.launch(executable_path=path, args=arguments)
