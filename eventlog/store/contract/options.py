"""What a log is opened with. Times are in seconds."""

from typing import Final, Literal, cast, get_args

import msgspec

from eventlog.errors import InvalidOptionError
from eventlog.format.inflating import MAX_INFLATED
from eventlog.format.names import check_schema
from eventlog.redis.address import RedisAddress

Durability = Literal["full", "normal"]
DURABILITIES: Final = get_args(Durability)
DEFAULT_SCHEMA: Final = "eventlog"
CACHE_BYTES: Final = 64 * 1024 * 1024
MAX_ITEM_BYTES: Final = 64 * 1024 * 1024
JOURNAL_SIZE_LIMIT: Final = 64 * 1024 * 1024


def largest_event(max_item_bytes: int, max_inflated_bytes: int) -> int:
    """Return how many bytes of JSON one event may come to: one largest item, or more.

    Raises InvalidOptionError.
    """
    for name, given in (
        ("max_item_bytes", max_item_bytes),
        ("max_inflated_bytes", max_inflated_bytes),
    ):
        if isinstance(given, bool) or not isinstance(cast(object, given), int) or given < 1:
            raise InvalidOptionError(f"{name} is at least 1, not {given!r}.")
    return max(max_inflated_bytes, max_item_bytes + len("[]"))


class SqliteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What concerns SQLite alone.

    busy_timeout: how long to wait for another process that writes to the file.
    journal_size_limit: bytes that the write-ahead log keeps on disk, once it has been longer.

    Raises InvalidOptionError.
    """

    busy_timeout: float = 5.0
    journal_size_limit: int = JOURNAL_SIZE_LIMIT

    def __post_init__(self) -> None:
        limit = self.journal_size_limit
        is_number = isinstance(cast(object, limit), int) and not isinstance(limit, bool)
        if not is_number or not 0 <= limit < 2**63:
            raise InvalidOptionError(f"journal_size_limit is bytes, 0 or more, not {limit!r}.")


class PostgresOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What concerns PostgreSQL alone.

    schema: where the tables are. pool_size: connections for each event loop, opened when needed.
    connect_timeout: to reach the server, or to get a connection of the pool. statement_timeout: for
    one statement. pgbouncer: the URL names a PgBouncer in transaction mode: no named statements, no
    settings of a session, no LISTEN; a statement then takes two round trips.

    Raises InvalidNameError or InvalidOptionError.
    """

    schema: str = DEFAULT_SCHEMA
    pool_size: int = 8
    connect_timeout: float = 10.0
    statement_timeout: float = 30.0
    pgbouncer: bool = False

    def __post_init__(self) -> None:
        check_schema(self.schema)
        if self.pool_size < 1:
            raise InvalidOptionError(f"pool_size is at least 1, not {self.pool_size!r}.")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What handles on one database have to agree on."""

    durability: Durability = "full"
    migrate: bool = False
    create: bool = True
    read_only: bool = False
    poll_interval: float = 0.25
    redis: RedisAddress | None = None
    cache_bytes: int = CACHE_BYTES
    keyring: object = None
    compress: bool = True
    max_inflated_bytes: int = MAX_INFLATED
    sqlite: SqliteOptions = SqliteOptions()
    postgres: PostgresOptions = PostgresOptions()

    def __post_init__(self) -> None:
        if self.durability not in DURABILITIES:
            raise InvalidOptionError(f"durability is 'full' or 'normal', not {self.durability!r}.")
        if self.read_only and self.migrate:
            raise InvalidOptionError("A log that is opened read-only cannot be upgraded by that.")
        if self.read_only and self.postgres.pgbouncer:
            raise InvalidOptionError(
                "read_only is a setting of a session, and PgBouncer's are shared: connect as a role"
                " that may only read instead."
            )
        if self.cache_bytes < 0:
            raise InvalidOptionError(f"cache_bytes is 0 or more, not {self.cache_bytes!r}.")
        if not self.poll_interval > 0:
            raise InvalidOptionError(f"poll_interval is above 0 s, not {self.poll_interval!r}.")
        if self.keyring is None and not self.compress:
            raise InvalidOptionError(
                "compress=False keeps what is encrypted from telling what it repeats; without a"
                " keyring it only takes more space."
            )
        if self.postgres.pgbouncer and self.durability != "full":
            raise InvalidOptionError(
                "durability='normal' is a setting of a session, and PgBouncer's are shared: set"
                " synchronous_commit for the role or the database instead."
            )
