"""Alembic: runs on the connection that `eventlog.store.migrations` hands over."""

from alembic import context

from eventlog.store.contract.revisions import VERSION_TABLE
from eventlog.store.sql.schema import metadata


def run() -> None:
    """Migrate, or compare for `alembic check`, inside the caller's transaction."""
    connection = context.config.attributes["connection"]
    schema = context.config.attributes["schema"]
    dialect = "postgresql" if connection.dialect.name == "postgresql" else "sqlite"

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        if kind == "schema":
            return name == schema
        return kind != "table" or name in tables_by_name

    tables = metadata(dialect, schema)
    tables_by_name = {table.name for table in tables.tables.values()}
    context.configure(
        connection=connection,
        target_metadata=tables,
        version_table=VERSION_TABLE,
        version_table_schema=schema,
        include_schemas=schema is not None,
        include_name=ours,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
