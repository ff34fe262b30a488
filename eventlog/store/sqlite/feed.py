"""SQLite's feed: the write lock makes AUTOINCREMENT dense and the order of commits."""

from collections.abc import Callable

from eventlog.store.nouns.feed import FeedPages
from eventlog.store.nouns.work import Runner, Work, ask, reads
from eventlog.store.sql.names import SqliteFeedStatements


class SqliteFeed(FeedPages):
    """A FeedSource without a queue."""

    queue = None
    server = 0
    reads_ahead = False

    def __init__(self, runner: Runner, sql: SqliteFeedStatements) -> None:
        super().__init__(runner, sql)
        self._head = sql.head

    @reads
    def position(self) -> Work[int]:
        rows = yield ask(self._head)
        position: int = rows[0][0]
        return position

    async def is_standby(self) -> bool:
        return False

    async def listen(self, _notify: Callable[[], None]) -> None:
        return
