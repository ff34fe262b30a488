"""Alembic and its migrations, as both databases use them: on a connection, in its transaction."""

import contextlib
import os
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import quoted_name

ALEMBIC: Final = threading.Lock()
"""Alembic keeps its context in globals of the process."""

_PACKAGE: Final = Path(__file__).parent.parent


def migrations_folder() -> str:
    """Return the wheel's copy of the migrations, or the repository's folder."""
    packaged = _PACKAGE / "_migrations"
    return os.fspath(packaged if packaged.is_dir() else _PACKAGE.parent / "alembic")


def config(connection: Connection, schema: str | None) -> Config:
    """Configure Alembic to run on `connection`, inside its transaction.

    It takes a name with a dot for two names, unless it is told that it is one.
    """
    settings = Config()
    settings.set_main_option("script_location", migrations_folder().replace("%", "%%"))
    settings.attributes.update(connection=connection, schema=_one_name(schema))
    return settings


def _one_name(schema: str | None) -> str | None:
    return None if schema is None else quoted_name(schema, quote=True)


def upgrade(connection: Connection, schema: str | None) -> None:
    """Run every migration that is missing, in the transaction of `connection`; hold ALEMBIC."""
    command.upgrade(config(connection, schema), "head")


@contextlib.contextmanager
def driver_errors() -> Generator[None]:
    """Let the driver's own error out, which stores know how to translate, without SQLAlchemy's."""
    try:
        yield
    except DBAPIError as error:
        driver = error.orig if error.orig is not None else error
        raise driver.__cause__ or driver from error
