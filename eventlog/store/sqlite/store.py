"""The store of a SQLite file: every noun over one runner."""

from collections.abc import Coroutine
from typing import Any, Final

from eventlog.addresses.log import SqliteAddress
from eventlog.format.records import AppendRequest, Outcome
from eventlog.store.contract.erasures import Erasure
from eventlog.store.contract.options import Options
from eventlog.store.contract.rights import ALL, READS, Rights
from eventlog.store.nouns.erasures import Erasures
from eventlog.store.nouns.events import Events
from eventlog.store.nouns.keys import Keys
from eventlog.store.nouns.snapshots import Snapshots
from eventlog.store.nouns.streams import Streams
from eventlog.store.nouns.tree import Searches, Tree
from eventlog.store.nouns.views import Views
from eventlog.store.sqlite.feed import SqliteFeed
from eventlog.store.sqlite.file import is_read_only
from eventlog.store.sqlite.guards import SqliteGuards
from eventlog.store.sqlite.runner import SqliteRunner
from eventlog.store.sqlite.statements import (
    ERASURES,
    FEED,
    KEYS,
    LOG,
    SNAPSHOTS,
    TREE,
    VIEWS,
    VIOLATIONS,
)

_SEARCHES: Final = Searches((VIOLATIONS.created, VIOLATIONS.disordered, VIOLATIONS.end))
"""Each looks at the whole file: no time limits a statement there."""


class SqliteStore:
    """Store over one file, or over one memory database that lives as long as this object."""

    runs_out_of_process = False

    def __init__(self, address: SqliteAddress, options: Options) -> None:
        self._address: Final = address
        runner = self.runner = SqliteRunner(address, options)
        self._reads_only: Final = options.read_only
        self.streams = Streams(runner, LOG)
        self.events = Events(runner, LOG)
        self.snapshots = Snapshots(runner, SNAPSHOTS)
        self.keys = Keys(runner, KEYS)
        self.feed = SqliteFeed(runner, FEED)
        self.tree = Tree(runner, TREE, lambda: _SEARCHES)
        self.views = Views(runner, VIEWS)
        self.guards = SqliteGuards(runner)
        self._erasures = Erasures(runner, ERASURES, SNAPSHOTS, KEYS, LOG)

    @property
    def is_replaced(self) -> bool:
        return self.runner.file.is_replaced

    @property
    def is_gone(self) -> bool:
        return self.runner.file.is_gone

    def append(self, request: AppendRequest) -> Coroutine[Any, Any, Outcome]:
        return self.runner.append(request)

    async def erase(self, erasure: Erasure) -> bool:
        return await self._erasures.erase(erasure)

    async def rights(self) -> Rights:
        return READS if self._reads_only or is_read_only(self._address) else ALL

    async def close(self) -> None:
        self.runner.close()
