"""What the role that connects may do, asked of PostgreSQL once."""

from eventlog.store.contract.rights import Rights
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.sql.roles import rights


class PostgresRights:
    """The rights of a role on one schema."""

    def __init__(self, runner: PostgresRunner, schema: str) -> None:
        self._runner = runner
        self._asked = rights(schema)
        self._known: Rights | None = None

    async def read(self) -> Rights:
        """Return them; remembered after the first call."""
        if self._known is None:
            (row,) = await self._runner.fetch(self._asked, {})
            self._known = Rights._make(row)
        return self._known
