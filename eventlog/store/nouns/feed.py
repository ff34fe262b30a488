"""Reading the feed: a page by positions, of a tenant or of everybody."""

from eventlog.store.contract.feed import FeedRow
from eventlog.store.nouns.work import Noun, Runner, Work, ask, reads
from eventlog.store.sql.names import FeedStatements


class FeedPages(Noun):
    """What a FeedSource reads alike on both databases."""

    def __init__(self, runner: Runner, sql: FeedStatements) -> None:
        super().__init__(runner)
        self.sql = sql

    @reads
    def page(self, tenant: str, after: int, until: int, limit: int) -> Work[list[FeedRow]]:
        bounds = {"after": after, "until": until, "limit": limit}
        return (yield ask(self.sql.page, tenant=tenant, **bounds))

    @reads
    def every_page(self, after: int, until: int, limit: int) -> Work[list[FeedRow]]:
        return (yield ask(self.sql.every_page, after=after, until=until, limit=limit))
