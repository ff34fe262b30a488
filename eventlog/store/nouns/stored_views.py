"""Views in a database: what SQLite and PostgreSQL do alike."""

import abc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventlog.format.records import FoldInput
from eventlog.store.contract.views import (
    Batch,
    Checkpoint,
    DeadLetter,
    Selection,
    TableSpec,
    ViewRow,
)
from eventlog.store.nouns import views as view_work
from eventlog.store.nouns.views import Work
from eventlog.store.sql.statement import Statement

if TYPE_CHECKING:
    from eventlog.store.sql.view_rows import ViewStatements


class StoredViews(abc.ABC):
    """A ViewSource but for what each database has a way of its own to do."""

    def __init__(self, sql: "ViewStatements") -> None:
        self._sql: Final = sql

    @abc.abstractmethod
    async def _rows(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        """Ask, outside any transaction."""

    @abc.abstractmethod
    async def _do(self, begin: Callable[[], Work]) -> Any:
        """Do what `begin` returns in one transaction; None rolls it back."""

    async def checkpoints(self) -> list[Checkpoint]:
        return [Checkpoint.load(row) for row in await self._rows(self._sql.checkpoints, {})]

    async def begin(
        self, projection: str, schema: int, tables: Sequence[TableSpec], *, beside: bool
    ) -> int:
        generation: int = await self._do(
            lambda: view_work.begin(self._sql, projection, schema, tables, beside=beside)
        )
        return generation

    async def take_over(self, new: Checkpoint, tables: Sequence[TableSpec]) -> bool:
        return await self._do(lambda: view_work.take_over(self._sql, new, tables)) is not None

    async def drop(self, projection: str, generation: int, tables: Sequence[TableSpec]) -> None:
        await self._do(lambda: view_work.drop(self._sql, projection, generation, tables))

    async def headers(self, stream_id: bytes, until: int) -> list[FoldInput]:
        values = {"stream_id": stream_id, "until": until}
        return [FoldInput._make(row) for row in await self._rows(self._sql.headers, values)]

    async def apply(self, batch: Batch) -> bool:
        return await self._do(lambda: view_work.apply(self._sql, batch)) is not None

    async def select(self, selection: Selection) -> list[ViewRow]:
        return await self._rows(self._sql.select(selection), selection.values())

    async def asides(
        self, projection: str, generation: int, tenant: str, limit: int
    ) -> list[DeadLetter]:
        of = {"of_projection": projection, "of_generation": generation, "of_tenant": tenant}
        rows = await self._rows(self._sql.asides, {**of, "limit": limit})
        return [DeadLetter._make(row) for row in rows]

    async def show(self, table: TableSpec, generation: int, *, shown: bool) -> None:
        await self._do(lambda: view_work.show(self._sql, table, generation, shown=shown))
