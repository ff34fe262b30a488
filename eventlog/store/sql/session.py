"""What a session on PostgreSQL does not leave to the settings of a database or a role."""

from collections.abc import Mapping
from typing import Final

SETTINGS: Final[Mapping[str, str]] = {
    # A name of somebody's schema does not stand in for a function that a statement calls.
    "search_path": "pg_catalog",
    # Statements say what they lock; in another isolation they would fail for what they may see.
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    # Off, it is an error where a tenant's role would be shown its own rows.
    "row_security": "on",
    # Above 0, a search of many rows leaves some out, by chance.
    "gin_fuzzy_search_limit": "0",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
}
"""Settings of every connection. PgBouncer in transaction mode takes none of them."""

DISTRIBUTED: Final[Mapping[str, str]] = {
    # Citus hides shards from whoever asks the catalog, the driver about arrays, or migrations. That
    # takes seconds, and fails if somebody drops an index meanwhile.
    "citus.override_table_visibility": "off",
}
"""Those of connections to a log on many nodes, beside. To other servers they mean nothing."""

MIGRATING: Final = {
    **SETTINGS,
    **DISTRIBUTED,
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
"""Settings of one transaction, which may make large indexes anew."""


def locally(settings: Mapping[str, str]) -> list[str]:
    """Return what makes settings those of the transaction: PgBouncer passes that on."""
    return [f"SET LOCAL {name} = '{value}'" for name, value in settings.items()]
