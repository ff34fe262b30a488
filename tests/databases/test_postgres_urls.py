"""A PostgreSQL URL means the same to migrating as to every other connection."""

import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog, ItemsAdded, UnavailableError
from eventlog.operations import migrate
from tests.backends import PostgresBackend
from tests.options import grouped


@pytest.mark.parametrize("mode", ["disable", "prefer"])
async def test_sslmode_in_the_url_is_understood(postgres_url: str, mode: str) -> None:
    """As managed servers hand it out; also by the call that creates the log."""
    backend = PostgresBackend(postgres_url)
    url = make_url(postgres_url).update_query_dict({"sslmode": mode})
    given = url.render_as_string(hide_password=False)
    async with EventLog(given, **grouped(**backend.options)) as log:
        assert (await log.append("chat", ItemsAdded(["a"]))).last == 1
    await migrate(given, **backend.options)
    await backend.discard()


async def test_sslmode_require_is_not_ignored_when_migrating(postgres_url: str) -> None:
    """A server that offers no SSL is not used without it."""
    from tests.faults.proxy import Proxy

    async with Proxy(postgres_url) as proxy:
        with pytest.raises(UnavailableError):
            await migrate(f"{proxy.url}?sslmode=require")
        assert proxy.settings == set()
