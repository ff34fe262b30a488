"""The statements of each noun by name, as types. Written by tests/databases/generate.py."""

from eventlog.store.sql.statement import Statement, Statements


class LogStatements(Statements):
    """Statements of streams and their events."""

    all_stream_page: Statement
    branch_page: Statement
    by_event_id: Statement
    children: Statement
    every_stream_page: Statement
    head: Statement
    latest: Statement
    many: Statement
    many_behind: Statement
    of_kind: Statement
    page: Statement
    several: Statement
    strays: Statement
    stream: Statement
    stream_page: Statement
    unlisted: Statement
    version_at: Statement


class SqliteLogStatements(LogStatements):
    """Those that only SQLite has, too."""

    insert_event: Statement
    insert_stream: Statement
    update_stream: Statement


class PostgresLogStatements(LogStatements):
    """Those that only PostgreSQL has, too."""

    append: Statement
    append_first: Statement
    append_next: Statement
    append_several_first: Statement
    append_several_next: Statement
    confirm: Statement
    free: Statement
    group_first: Statement
    group_next: Statement
    hashes_at: Statement
    nodes: Statement


class ErasureStatements(Statements):
    """Statements of erasures."""

    erased: Statement
    inserted: Statement
    moved: Statement
    owed: Statement


class PostgresErasureStatements(ErasureStatements):
    """Those that only PostgreSQL has, too."""

    lock: Statement
    queued: Statement


class SnapshotStatements(Statements):
    """Statements of snapshots."""

    drop_segments: Statement
    drop_snapshots: Statement
    salt_of: Statement
    snapshot_versions: Statement
    tail: Statement


class SqliteSnapshotStatements(SnapshotStatements):
    """Those that only SQLite has, too."""

    drop_from: Statement
    erased_since: Statement
    hash_of: Statement
    newest: Statement
    one_entry: Statement
    save_segment: Statement
    save_snapshot: Statement
    segment: Statement


class PostgresSnapshotStatements(SnapshotStatements):
    """Those that only PostgreSQL has, too."""

    drop_stale: Statement
    load: Statement
    save: Statement
    sources: Statement


class KeyStatements(Statements):
    """Statements of data keys."""

    added: Statement
    any_key: Statement
    destroyed: Statement
    first_encrypted: Statement
    of_stream: Statement
    of_streams: Statement
    rewrapped: Statement
    stray_keys: Statement
    used: Statement
    users: Statement
    wrapped_by_others: Statement


class FeedStatements(Statements):
    """Statements of the feed."""

    every_page: Statement
    page: Statement


class SqliteFeedStatements(FeedStatements):
    """Those that only SQLite has, too."""

    head: Statement


class PostgresFeedStatements(FeedStatements):
    """Those that only PostgreSQL has, too."""

    contents: Statement
    every_ranges: Statement
    hold: Statement
    of_tenant: Statement
    place: Statement
    progress: Statement
    ranges: Statement
    sift: Statement
    spans: Statement
    standby: Statement


class TreeStatements(Statements):
    """Statements of the tree."""

    event_at: Statement
    heads: Statement
    last_head: Statement
    leaves: Statement
    placed: Statement
    places: Statement
    save: Statement
    save_head: Statement
    shapes: Statement
    size: Statement
    tiles: Statement


class ViolationStatements(Statements):
    """Statements of what contradicts the events."""

    created: Statement
    disordered: Statement
    end: Statement


class PostgresViolationStatements(ViolationStatements):
    """Those that only PostgreSQL has, too."""

    extent: Statement
    nowhere: Statement
    queued: Statement
    refused: Statement
    unplaced: Statement


class CheckpointStatements(Statements):
    """Statements of checkpoints and dead letters."""

    add_aside: Statement
    add_checkpoint: Statement
    asides: Statement
    checkpoints: Statement
    drop_aside: Statement
    drop_asides: Statement
    drop_checkpoint: Statement
    drop_purge: Statement
    drop_purges: Statement
    headers: Statement
    is_ours: Statement
    letters: Statement
    move: Statement
    purges: Statement
    renew: Statement
    serve: Statement
    served: Statement
    skip_aside: Statement
