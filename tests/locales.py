"""A database whose locale sorts as people do, on the server of the tests.

glibc compiles the locale where the machine lacks it: Debian's package `locales` has its source.
"""

import asyncio
import contextlib
import locale
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import asyncpg
from sqlalchemy.engine import make_url

from tests import distributing

LOCALE: Final = "en_US.UTF-8"
DATABASE: Final = "en_us"

_LOCPATH: Final = "LOCPATH"
_LOCK: Final = 7_306_867
"""Key of the advisory lock that the processes of one run queue for."""


def prepare(stack: contextlib.ExitStack) -> None:
    """Name a folder that servers started from now on find a compiled locale in, if need be.

    See LOCPATH in setlocale(3). What a folder does not have, glibc looks for in its own.
    """
    if _is_known():
        return
    folder = tempfile.mkdtemp(prefix="locales-")
    Path(folder).chmod(0o755)  # The server may be another user's.
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    os.environ[_LOCPATH] = f"{folder}:/usr/lib/locale"
    stack.callback(os.environ.pop, _LOCPATH)


async def database(postgres_url: str) -> str:
    """Return the URL of the database on the server; the first caller makes it."""
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        known = "SELECT FROM pg_database WHERE datname = $1"
        if not await connection.fetch(known, DATABASE):
            await asyncio.to_thread(_compile)
            how = f"TEMPLATE template0 ENCODING 'UTF8' LOCALE '{LOCALE}'"
            await distributing.create(postgres_url, DATABASE, how)
    finally:
        await connection.close()
    return make_url(postgres_url).set(database=DATABASE).render_as_string(hide_password=False)


def _compile() -> None:
    folder = os.environ.get(_LOCPATH, "").partition(":")[0]
    if folder:
        to = os.fspath(Path(folder) / LOCALE)
        subprocess.run(["localedef", "-i", "en_US", "-f", "UTF-8", to], check=True)


def _is_known() -> bool:
    before = locale.setlocale(locale.LC_COLLATE)
    try:
        locale.setlocale(locale.LC_COLLATE, LOCALE)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_COLLATE, before)
    return True
