"""Which store an address means; a database's driver is imported where it is needed first."""

from eventlog.addresses.log import Address, PostgresAddress
from eventlog.errors import InvalidOptionError
from eventlog.faces import loading
from eventlog.store.contract.log import Store
from eventlog.store.contract.options import Options


def open_store(address: Address, options: Options) -> Store:
    """Return a new store of `address`; it connects when it is used first.

    Raises InvalidOptionError if a driver is not installed.
    """
    if isinstance(address, PostgresAddress):
        return _postgres_store(address, options)
    with loading():
        from eventlog.store.sqlite.store import SqliteStore

    return SqliteStore(address, options)


def _postgres_store(address: PostgresAddress, options: Options) -> Store:
    try:
        with loading():
            from eventlog.store.postgres.store import PostgresStore
    except ImportError as error:
        raise InvalidOptionError(
            f"PostgreSQL needs a driver that is not installed ({error.name or 'asyncpg'}):"
            " pip install 'conversation-eventlog[postgres]'."
        ) from error
    return PostgresStore(address, options)
