"""Reading the feed: a page by positions, of a tenant or of everybody."""

from eventlog.store.contract.feed import FeedRow
from eventlog.store.nouns.work import Noun, Runner, Work, ask_page, reads
from eventlog.store.sql.statement import Statement


class FeedPages(Noun):
    """Reads pages, by a statement for those of a tenant and one for those of all tenants."""

    def __init__(self, runner: Runner, of_tenant: Statement, of_all: Statement) -> None:
        super().__init__(runner)
        self._of_tenant = of_tenant
        self._of_all = of_all

    @reads
    def page(self, tenant: str, after: int, until: int, limit: int) -> Work[list[FeedRow]]:
        bounds = {"after": after, "until": until, "limit": limit}
        return (yield ask_page(self._of_tenant, tenant=tenant, **bounds))

    @reads
    def every_page(self, after: int, until: int, limit: int) -> Work[list[FeedRow]]:
        return (yield ask_page(self._of_all, after=after, until=until, limit=limit))
