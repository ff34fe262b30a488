"""The names of the statements of each noun: those of both databases, and those of one.

Written by tests/databases/generate.py.
"""

from eventlog.store.sql.statement import Statement


class LogStatements:
    """Statements of what is asked of streams and events, and the append, on both databases."""

    branch_page: Statement
    by_event_id: Statement
    children: Statement
    every_stream_page: Statement
    head: Statement
    latest: Statement
    of_kind: Statement
    page: Statement
    strays: Statement
    stream: Statement
    stream_page: Statement
    unlisted: Statement
    version_at: Statement


class SqliteLogStatements(LogStatements):
    """Statements of what is asked of streams and events, and the append, on SQLite alone."""

    insert_event: Statement
    insert_stream: Statement
    update_stream: Statement


class PostgresLogStatements(LogStatements):
    """Statements of what is asked of streams and events, and the append, on PostgreSQL alone."""

    append_first: Statement
    append_next: Statement
    append_several_first: Statement
    append_several_next: Statement
    group_first: Statement
    group_next: Statement
    hash_at: Statement
    many: Statement


class ErasureStatements:
    """Statements of an erasure, on both databases."""

    erased: Statement
    inserted: Statement
    lock: Statement
    moved: Statement


class PostgresErasureStatements(ErasureStatements):
    """Statements of an erasure, on PostgreSQL alone."""

    queued: Statement


class SnapshotStatements:
    """Statements of snapshots, on both databases."""

    drop_segments: Statement
    drop_snapshots: Statement
    tail: Statement


class SqliteSnapshotStatements(SnapshotStatements):
    """Statements of snapshots, on SQLite alone."""

    drop_from: Statement
    erased_since: Statement
    hash_of: Statement
    newest: Statement
    one_entry: Statement
    save_segment: Statement
    save_snapshot: Statement
    segment: Statement


class PostgresSnapshotStatements(SnapshotStatements):
    """Statements of snapshots, on PostgreSQL alone."""

    drop_stale: Statement
    load: Statement
    save: Statement
    sources: Statement


class KeyStatements:
    """Statements of data keys, on both databases."""

    added: Statement
    destroyed: Statement
    first_encrypted: Statement
    of_stream: Statement
    rewrapped: Statement
    used: Statement
    wrapped_by_others: Statement


class PostgresKeyStatements(KeyStatements):
    """Statements of data keys, on PostgreSQL alone."""

    of_streams: Statement


class FeedStatements:
    """Statements of the feed, on both databases."""

    every_page: Statement
    page: Statement


class SqliteFeedStatements(FeedStatements):
    """Statements of the feed, on SQLite alone."""

    head: Statement


class PostgresFeedStatements(FeedStatements):
    """Statements of the feed, on PostgreSQL alone."""

    every_plain_page: Statement
    hold: Statement
    place: Statement
    plain_page: Statement
    progress: Statement


class TreeStatements:
    """Statements of the tree, on both databases."""

    heads: Statement
    last_head: Statement
    leaves: Statement
    places: Statement
    save: Statement
    save_head: Statement
    shapes: Statement
    size: Statement


class SqliteTreeStatements(TreeStatements):
    """Statements of the tree, on SQLite alone."""

    tile: Statement


class PostgresTreeStatements(TreeStatements):
    """Statements of the tree, on PostgreSQL alone."""

    tiles: Statement


class ViolationStatements:
    """Statements of what contradicts the events, on both databases."""

    created: Statement
    disordered: Statement
    end: Statement


class PostgresViolationStatements(ViolationStatements):
    """Statements of what contradicts the events, on PostgreSQL alone."""

    queued: Statement
    unplaced: Statement


class CheckpointStatements:
    """Statements of checkpoints and dead letters of views, on both databases."""

    add_aside: Statement
    add_checkpoint: Statement
    asides: Statement
    checkpoints: Statement
    drop_asides: Statement
    drop_checkpoint: Statement
    headers: Statement
    is_ours: Statement
    move: Statement
    serve: Statement
    served: Statement
