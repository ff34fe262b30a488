"""The statements of views over tables that are always there: checkpoints and dead letters.

Those over the tables of a projection are in `view_rows`, and what makes these in `view_tables`.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Insert,
    LargeBinary,
    Table,
    Text,
    Update,
    bindparam,
    case,
    column,
    delete,
    exists,
    func,
    literal,
    select,
    table,
    update,
)

from eventlog.store.contract.views import Checkpoint, DeadLetter
from eventlog.store.sql.compiling import on_both
from eventlog.store.sql.parts import Query, inserted, of_stream
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
    }
    return (
        update(t.checkpoints)
        .values(moved)
        .where(*_of_generation(t.checkpoints), points.position == bindparam("before"))
        .returning(points.position)
    )


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
    """Read the dead letters of a generation that are of one tenant, the last first."""
    aside, streams = t.set_aside.c, t.streams.c
    tenant = bindparam("of_tenant", type_=Text)
    is_own = exists().where(streams.stream_id == aside.stream_id, streams.tenant == tenant)
    return (
        select(*[aside[name] for name in DeadLetter._fields])
        .where(*_of_generation(t.set_aside), is_own)
        .order_by(aside.position.desc())
        .limit(bindparam("limit"))
    )


@on_both
def add_aside(t: Tables) -> Insert:
    """Insert a dead letter."""
    return inserted(t.set_aside)


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
        .where(events.version <= bindparam("until"))
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


def _of_generation(owner: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        owner.c.projection == bindparam("of_projection", type_=Text),
        owner.c.generation == bindparam("of_generation", type_=owner.c.generation.type),
    )
