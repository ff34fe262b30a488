"""Roles of a log on PostgreSQL: who may read, append, place, erase; and roles of one tenant."""

import os
from typing import Final

from eventlog.addresses.log import PostgresAddress, parse
from eventlog.errors import InvalidOptionError
from eventlog.format.names import check_name
from eventlog.store.contract.options import DEFAULT_SCHEMA
from eventlog.store.sql.roles import role_name

PATIENCE: Final = 10.0


async def create_roles(
    url: str | os.PathLike[str],
    *,
    schema: str = DEFAULT_SCHEMA,
    tenant: str | None = None,
    role: str | None = None,
    patience: float = PATIENCE,
) -> list[str]:
    """Create the roles of a log, grant each of them what it needs, and return their names.

    They are `{schema}_owner`, `_writer`, `_reader`, `_sequencer` and `_eraser`: docs/security.md
    says what each may do. With `tenant` also one, called `role` or `{schema}_tenant_{tenant}`, that
    reads and appends to the conversations of this tenant only, and `{schema}_tenants`, which all
    such roles belong to. None can log in: GRANT them to users, or ALTER ROLE ... LOGIN. The log is
    the owner's then, and who calls this is one of his members.

    Takes a superuser, or the log's owner with CREATEROLE. All or nothing; call it again after each
    upgrade. `patience` is how many seconds to wait for the server. Raises InvalidOptionError,
    InvalidAddressError, InvalidNameError or StoreError.
    """
    address = parse(url, check_name("schema", schema))
    if not isinstance(address, PostgresAddress):
        raise InvalidOptionError(
            f"{address} is a SQLite file: who may write it, the file system says."
        )
    if tenant is None and role is not None:
        raise InvalidOptionError("A role of its own is for one tenant: give tenant= with role=.")
    if tenant is not None:
        check_name("tenant", tenant)
        role = role_name(schema, f"tenant_{tenant}") if role is None else role
    from eventlog.store.postgres import roles as role_postgres  # The driver is an extra.

    return await role_postgres.create_roles(address, tenant, role, patience)
