"""The log: streams, events, and what keeps events as they were written."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

EVENT_COLUMNS = (
    ("stream_id", sa.LargeBinary, False),
    ("version", NUMBER, False),
    ("format", sa.Integer, False),
    ("event_id", sa.Text, True),
    ("kind", sa.Text, False),
    ("schema", sa.Integer, False),
    ("recorded_at", NUMBER, False),
    ("header", sa.LargeBinary, False),
    ("codec", sa.Integer, False),
    ("key_id", sa.Text, True),
    ("salt", sa.LargeBinary, True),
    ("context", sa.LargeBinary, True),
    ("body", sa.LargeBinary, True),
    ("content_digest", sa.LargeBinary, False),
    ("hash", sa.LargeBinary, False),
)
CONTENT = ("salt", "context", "body")


def upgrade() -> None:
    schema = op.get_context().opts["version_table_schema"]
    sqlite = op.get_bind().dialect.name == "sqlite"
    create_streams(schema)
    if sqlite:
        create_events_on_sqlite()
        keep_events_on_sqlite()
    else:
        create_events_on_postgresql(schema)
        keep_events_on_postgresql(schema)


def create_streams(schema: str | None) -> None:
    op.create_table(
        "streams",
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("head_hash", sa.LargeBinary, nullable=False),
        sa.Column("head_at", NUMBER, nullable=False),
        sa.Column("parent_id", sa.LargeBinary),
        sa.Column("parent_version", NUMBER),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("stream_id", name="streams_pk"),
        schema=schema,
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("streams_by_name", "streams", ["tenant", "name"], schema=schema)
    op.create_index(
        "streams_by_parent",
        "streams",
        ["parent_id"],
        schema=schema,
        sqlite_where=sa.text("parent_id IS NOT NULL"),
    )


def event_columns() -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=nullable) for name, kind, nullable in EVENT_COLUMNS]


def create_events_on_sqlite() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
        *event_columns(),
        sa.UniqueConstraint("stream_id", "version", name="events_by_version"),
        sa.CheckConstraint("position > 0", name="events_position"),
        sa.CheckConstraint("version > 0", name="events_version"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    create_event_id_index(None)


def create_events_on_postgresql(schema: str) -> None:
    op.create_table(
        "events",
        *event_columns(),
        sa.PrimaryKeyConstraint("stream_id", "version", name="events_pk"),
        sa.CheckConstraint("version > 0", name="events_version"),
        schema=schema,
    )
    create_event_id_index(schema)
    op.create_table(
        "queue",
        sa.Column("stream_id", sa.LargeBinary, nullable=False),
        sa.Column("version", NUMBER, nullable=False),
        sa.Column("recorded_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "version", name="queue_pk"),
        schema=schema,
    )


def create_event_id_index(schema: str | None) -> None:
    given = sa.text("event_id IS NOT NULL")
    op.create_index(
        "events_by_event_id",
        "events",
        ["stream_id", "event_id"],
        unique=True,
        schema=schema,
        sqlite_where=given,
        postgresql_where=given,
    )


def keep_events_on_sqlite() -> None:
    kept = [name for name, _, _ in EVENT_COLUMNS if name not in CONTENT]
    same = " AND ".join(f'NEW."{name}" IS OLD."{name}"' for name in ("position", *kept))
    # INSERT OR REPLACE deletes without firing the delete trigger, so a taken key is refused first.
    op.execute(
        """
        CREATE TRIGGER events_insert BEFORE INSERT ON events
        WHEN NEW.salt IS NULL OR NEW.context IS NULL OR NEW.body IS NULL
          OR EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
          OR EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND version = NEW.version)
          OR (NEW.event_id IS NOT NULL AND EXISTS (
                SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND event_id = NEW.event_id))
        BEGIN
            SELECT RAISE(ABORT, 'events are immutable: the key is taken or content is missing');
        END
        """
    )
    op.execute(
        f"""
        CREATE TRIGGER events_update BEFORE UPDATE ON events
        WHEN NOT (NEW.salt IS NULL AND NEW.context IS NULL AND NEW.body IS NULL AND {same})
        BEGIN SELECT RAISE(ABORT, 'events are immutable: only whole contents can be erased'); END
        """
    )
    op.execute(
        """
        CREATE TRIGGER events_delete BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are immutable: they cannot be deleted'); END
        """
    )


def keep_events_on_postgresql(schema: str) -> None:
    quoted = op.get_bind().dialect.identifier_preparer.quote_schema(schema)
    op.get_bind().exec_driver_sql(
        f"""
        CREATE FUNCTION {quoted}.events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                IF NEW.salt IS NOT NULL AND NEW.context IS NOT NULL AND NEW.body IS NOT NULL THEN
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION 'events are immutable: content is missing';
            ELSIF TG_OP = 'UPDATE' THEN
                OLD.salt := NULL; OLD.context := NULL; OLD.body := NULL;
                IF NEW *= OLD THEN
                    RETURN NEW;
                END IF;
                RAISE EXCEPTION 'events are immutable: only whole contents can be erased';
            END IF;
            RAISE EXCEPTION 'events are immutable: they cannot be deleted';
        END $$
        """
    )
    # Row triggers reach every partition; ENABLE ALWAYS holds under session_replication_role too.
    for name, when in (
        ("events_rows", "BEFORE INSERT OR UPDATE OR DELETE"),
        ("events_truncate", "BEFORE TRUNCATE"),
    ):
        each = "ROW" if name == "events_rows" else "STATEMENT"
        op.get_bind().exec_driver_sql(
            f"CREATE TRIGGER {name} {when} ON {quoted}.events"
            f" FOR EACH {each} EXECUTE FUNCTION {quoted}.events_stay()"
        )
        op.get_bind().exec_driver_sql(f"ALTER TABLE {quoted}.events ENABLE ALWAYS TRIGGER {name}")
