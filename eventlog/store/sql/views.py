"""The statements of views over tables that are always there: checkpoints and dead letters.

Those over the tables of a projection are in `view_rows`, and what makes these in `view_tables`.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    Integer,
    LargeBinary,
    Table,
    Text,
    Update,
    bindparam,
    case,
    column,
    delete,
    func,
    literal,
    select,
    table,
    update,
)

from eventlog.store.contract.views import Checkpoint, DeadLetter
from eventlog.store.sql.compiling import on_both
from eventlog.store.sql.parts import Query, Upsert, given, inserted, is_each, of_stream, upsert
from eventlog.store.sql.schema import Tables


@on_both
def checkpoints(t: Tables) -> Query:
    """Read the checkpoints of every projection."""
    return _checkpoints(t).order_by(t.checkpoints.c.projection, t.checkpoints.c.generation)


@on_both
def served(t: Tables) -> Query:
    """SELECT … FOR UPDATE of a projection's checkpoints."""
    points = t.checkpoints.c
    return (
        _checkpoints(t)
        .where(points.projection == bindparam("of_projection", type_=Text))
        .order_by(points.generation)
        .with_for_update()
    )


@on_both
def add_checkpoint(t: Tables) -> Insert:
    """Insert a checkpoint."""
    return inserted(t.checkpoints)


@on_both
def move(t: Tables) -> Update:
    """Move a checkpoint, if it is where it was before."""
    points = t.checkpoints.c
    moved: dict[str, Any] = {
        "position": bindparam("after"),
        "rate": bindparam("new_rate"),
        "moved_at": bindparam("at"),
        "epoch": points.epoch + bindparam("renews", type_=Integer),
    }
    return (
        update(t.checkpoints)
        .values(moved)
        .where(
            *_of_generation(t.checkpoints),
            points.position == bindparam("before"),
            points.epoch == bindparam("of_epoch", type_=points.epoch.type),
        )
        .returning(points.position)
    )


@on_both
def renew(t: Tables) -> Update:
    """Begin the next epoch of a generation."""
    epoch = t.checkpoints.c.epoch + 1
    return update(t.checkpoints).values(epoch=epoch).where(*_of_generation(t.checkpoints))


@on_both
def serve(t: Tables) -> Update:
    """Have a generation be read."""
    return update(t.checkpoints).values(is_serving=1).where(*_of_generation(t.checkpoints))


@on_both
def drop_checkpoint(t: Tables) -> Delete:
    """Delete the checkpoint of a generation."""
    return delete(t.checkpoints).where(*_of_generation(t.checkpoints))


@on_both
def asides(t: Tables) -> Query:
    """Read the dead letters of a generation that were not skipped, the last first."""
    aside, streams = t.set_aside.c, t.streams.c
    return (
        select(
            *[aside[name] for name in DeadLetter._fields],
            *_names(t),
        )
        .join_from(t.set_aside, t.streams, streams.stream_id == aside.stream_id)
        .where(*_of_generation(t.set_aside), aside.skipped_at.is_(None), _is_own(t))
        .order_by(aside.position.desc())
        .limit(bindparam("limit"))
    )


@on_both
def letters(t: Tables) -> Query:
    """Read the dead letters of a generation that are of several streams."""
    aside = t.set_aside.c
    columns = [aside[name] for name in DeadLetter._fields]
    return select(*columns).where(*_of_generation(t.set_aside), is_each(t, aside.stream_id))


@on_both
def add_aside(t: Tables) -> Upsert:
    """Insert a dead letter, or say anew why it is one."""
    added = upsert(t, t.set_aside).values(given(t.set_aside, *DeadLetter._fields))
    key = [column.name for column in t.set_aside.primary_key.columns]
    return added.on_conflict_do_update(index_elements=key, set_={"error": added.excluded.error})


@on_both
def drop_aside(t: Tables) -> Delete:
    """Delete a dead letter."""
    return delete(t.set_aside).where(*_of_generation(t.set_aside), _is_at(t))


@on_both
def skip_aside(t: Tables) -> Update:
    """Acknowledge a dead letter."""
    skipped = update(t.set_aside).values(skipped_at=bindparam("at"))
    return skipped.where(*_of_generation(t.set_aside), _is_at(t))


@on_both
def purges(t: Tables) -> Query:
    """Read what is still to be purged, of one tenant or of all."""
    points, streams, own = t.checkpoints, t.streams.c, t.purges.c
    is_of = (points.c.projection == own.projection) & (points.c.generation == own.generation)
    return (
        select(own.projection, own.generation, points.c.schema, own.stream_id, *_names(t))
        .join_from(t.purges, points, is_of)
        .join(t.streams, streams.stream_id == own.stream_id)
        .where(_is_own(t))
        .order_by(own.projection, own.generation, own.stream_id)
    )


@on_both
def drop_purge(t: Tables) -> Delete:
    """Delete a purge that is done."""
    of_stream = t.purges.c.stream_id == bindparam("of_stream", type_=LargeBinary)
    return delete(t.purges).where(*_of_generation(t.purges), of_stream)


@on_both
def drop_purges(t: Tables) -> Delete:
    """Delete the purges of a generation."""
    return delete(t.purges).where(*_of_generation(t.purges))


@on_both
def drop_asides(t: Tables) -> Delete:
    """Delete the dead letters of a generation."""
    return delete(t.set_aside).where(*_of_generation(t.set_aside))


@on_both
def headers(t: Tables) -> Query:
    """Read the events of a stream without their bodies."""
    events = t.events.c
    nothing = literal(b"", LargeBinary)
    return (
        of_stream(
            t,
            events.version,
            events.kind,
            events.schema,
            events.header,
            events.codec,
            events.key_id,
            nothing.label("body"),
            events.hash,
        )
        .where(events.version > bindparam("after"), events.version <= bindparam("until"))
        .order_by(events.version)
    )


@on_both
def is_ours(t: Tables) -> Query:
    """Ask whether what has a name was made by `show`: 1 or 0; no row where nothing has it."""
    name = bindparam("name", type_=Text)
    ours = bindparam("ours", type_=Text)
    if not t.is_postgres:
        there = table("sqlite_master", column("name"), column("sql"))
        made = func.instr(there.c.sql, ours) > 0
        return select(case((made, 1), else_=0)).where(there.c.name == name)
    there = table(
        "tables", column("table_name"), column("table_schema"), schema="information_schema"
    )
    views = table("pg_views", column("viewname"), column("schemaname"), column("definition"))
    of_schema = literal(t.schema, Text)
    same = (views.c.viewname == there.c.table_name) & (views.c.schemaname == of_schema)
    made = func.strpos(views.c.definition, ours) > 0
    return (
        select(case((made, 1), else_=0))
        .select_from(there.outerjoin(views, same))
        .where(there.c.table_name == name, there.c.table_schema == of_schema)
    )


def _checkpoints(t: Tables) -> Query:
    columns: list[ColumnElement[Any]] = [t.checkpoints.c[name] for name in Checkpoint._fields]
    return select(*columns)


def _names(t: Tables) -> tuple[ColumnElement[Any], ...]:
    streams = t.streams.c
    return streams.tenant, streams.name, streams.branch


def _is_own(t: Tables) -> ColumnElement[bool]:
    """Match streams of a tenant; with NULL those of all."""
    tenant = bindparam("of_tenant", type_=Text)
    return tenant.is_(None) | (t.streams.c.tenant == tenant)


def _is_at(t: Tables) -> ColumnElement[bool]:
    position = t.set_aside.c.position
    return position == bindparam("of_position", type_=position.type)


def _of_generation(owner: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        owner.c.projection == bindparam("of_projection", type_=Text),
        owner.c.generation == bindparam("of_generation", type_=owner.c.generation.type),
    )
