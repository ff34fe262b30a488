"""Texts compare and sort by code point, whatever the locale of the PostgreSQL database.

No row is written anew, indexes with a text in them are. What stands in the way of changing a column
(SQL views, anybody's too, policies of tenants, triggers) is taken away and put back as it was, in
the same transaction. The index of names loses branches: three long names have no room in it. The
text that full text search reads stays: its words are made from it.

Who copies rows of a log one by one is told where it says how: erased ones are refused.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ADVICE = "docs/copying.md says how erased events are copied"

OURS = "streams events snapshots segments tree tree_heads checkpoints set_aside keys lease"

COLUMNS = """
SELECT owner.oid, owner.oid::regclass::text AS "table", quote_ident(attname) AS name
FROM pg_attribute JOIN pg_class AS owner ON owner.oid = attrelid
WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p') AND NOT relispartition
AND attnum > 0 AND NOT attisdropped AND atttypid = 'text'::regtype
AND attcollation <> '"C"'::regcollation
AND (relname = ANY(:ours) OR (relname ~ '^view_.+_[0-9]+$' AND EXISTS (
    SELECT FROM {schema}.checkpoints WHERE generation::text = substring(relname FROM '[0-9]+$'))))
AND NOT EXISTS (
    SELECT FROM pg_depend JOIN pg_attrdef ON classid = 'pg_attrdef'::regclass
    AND objid = pg_attrdef.oid AND adnum <> attnum
    WHERE refclassid = 'pg_class'::regclass AND refobjid = attrelid AND refobjsubid = attnum)
ORDER BY relname, attnum
"""

ON_COLUMNS = "refclassid = 'pg_class'::regclass AND refobjid = ANY(:tables) AND refobjsubid > 0"

VIEWS = """
SELECT shown.oid::regclass::text AS place, pg_get_viewdef(shown.oid) AS definition,
    shown.reloptions, quote_ident(pg_get_userbyid(relowner)) AS owner, max(depth) AS depth,
    quote_literal(obj_description(shown.oid, 'pg_class')) AS comment, ARRAY(
        SELECT format('GRANT %s ON %s TO %s%s', privilege_type, shown.oid::regclass,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM aclexplode(shown.relacl) WHERE grantee <> shown.relowner) AS grants
FROM (
    WITH RECURSIVE used AS (
        SELECT ev_class, 1 AS depth
        FROM pg_rewrite
        JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
        WHERE {ON_COLUMNS}
        UNION
        SELECT pg_rewrite.ev_class, depth + 1
        FROM used JOIN pg_depend ON refclassid = 'pg_class'::regclass AND refobjid = used.ev_class
        AND classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite ON objid = pg_rewrite.oid AND pg_rewrite.ev_class <> used.ev_class
    ) SELECT ev_class, depth FROM used) AS used
JOIN pg_class AS shown ON shown.oid = ev_class AND shown.relkind = 'v'
GROUP BY shown.oid, shown.reloptions, shown.relowner, shown.relacl
ORDER BY depth, place
"""

POLICIES = """
SELECT DISTINCT polrelid::regclass::text AS place, quote_ident(polname) AS name,
    CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END AS kind,
    CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
        WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
    (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END,
        ', ') FROM unnest(polroles) AS role) AS roles,
    pg_get_expr(polqual, polrelid) AS seen, pg_get_expr(polwithcheck, polrelid) AS written
FROM pg_policy JOIN pg_depend ON classid = 'pg_policy'::regclass AND objid = pg_policy.oid
WHERE {ON_COLUMNS}
ORDER BY place, name
"""

TRIGGERS = """
SELECT DISTINCT tgrelid::regclass::text AS place, quote_ident(tgname) AS name,
    pg_get_triggerdef(pg_trigger.oid) AS definition,
    CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA'
        WHEN 'D' THEN 'DISABLE' ELSE 'ENABLE' END AS state
FROM pg_trigger JOIN pg_depend ON classid = 'pg_trigger'::regclass AND objid = pg_trigger.oid
WHERE NOT tgisinternal AND tgparentid = 0 AND {ON_COLUMNS}
ORDER BY place, name
"""


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        advise_on_sqlite()  # Its own collation compares bytes.
        return
    schema = op.get_context().opts["version_table_schema"]
    quoted = bind.dialect.identifier_preparer.quote_schema(schema)
    advise_on_postgresql(quoted)
    collate(quoted)


def advise_on_sqlite() -> None:
    (old,) = ask("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'events_insert'")
    op.execute("DROP TRIGGER events_insert")
    op.get_bind().exec_driver_sql(old.sql.replace("missing')", f"missing ({ADVICE})')"))


def advise_on_postgresql(quoted: str) -> None:
    (old,) = ask(
        "SELECT pg_get_functiondef(to_regproc(:name)) AS sql", name=f"{quoted}.events_stay"
    )
    advised = old.sql.replace("is missing';", f"is missing' USING HINT = '{ADVICE}';")
    op.get_bind().exec_driver_sql(advised)


def collate(quoted: str) -> None:
    bind = op.get_bind()
    place = quoted.replace(":", r"\:")  # No part of a name is a parameter.
    columns = ask(COLUMNS.format(schema=place), schema=quoted, ours=OURS.split())
    tables = sorted({column.oid for column in columns})
    there = [*triggers(tables), *views(tables), *policies(tables)]
    bind.exec_driver_sql(f"DROP INDEX {quoted}.streams_by_name")
    for taken, _ in reversed(there):
        bind.exec_driver_sql(taken)
    for table, changed in groupby(columns, itemgetter(1)):
        steps = (f'ALTER {column.name} TYPE text COLLATE "C"' for column in changed)
        bind.exec_driver_sql(f"ALTER TABLE {table} {', '.join(steps)}")
    bind.exec_driver_sql(f"CREATE INDEX streams_by_name ON {quoted}.streams (tenant, name)")
    for _, put_back in there:
        for step in put_back:
            bind.exec_driver_sql(step)


def ask(query: str, **values: object) -> list[sa.Row]:
    return list(op.get_bind().execute(sa.text(query.strip()), values))


def views(tables: list[int]) -> Iterator[tuple[str, list[str]]]:
    """Yield how each view is taken away and put back, those that others select from first."""
    for view in ask(VIEWS.replace("{ON_COLUMNS}", ON_COLUMNS), tables=tables):
        options = f" WITH ({', '.join(view.reloptions)})" if view.reloptions else ""
        yield (
            f"DROP VIEW {view.place}",
            [
                f"CREATE VIEW {view.place}{options} AS {view.definition}",
                f"ALTER VIEW {view.place} OWNER TO {view.owner}",
                *view.grants,
                f"COMMENT ON VIEW {view.place} IS {view.comment or 'NULL'}",
            ],
        )


def policies(tables: list[int]) -> Iterator[tuple[str, list[str]]]:
    """Yield how each policy is taken away and put back."""
    for policy in ask(POLICIES.replace("{ON_COLUMNS}", ON_COLUMNS), tables=tables):
        seen = "" if policy.seen is None else f" USING ({policy.seen})"
        written = "" if policy.written is None else f" WITH CHECK ({policy.written})"
        rest = f"FOR {policy.command} TO {policy.roles}{seen}{written}"
        yield (
            f"DROP POLICY {policy.name} ON {policy.place}",
            [f"CREATE POLICY {policy.name} ON {policy.place} AS {policy.kind} {rest}"],
        )


def triggers(tables: list[int]) -> Iterator[tuple[str, list[str]]]:
    """Yield how each trigger on a column is taken away and put back."""
    for trigger in ask(TRIGGERS.replace("{ON_COLUMNS}", ON_COLUMNS), tables=tables):
        yield (
            f"DROP TRIGGER {trigger.name} ON {trigger.place}",
            [
                trigger.definition,
                f"ALTER TABLE {trigger.place} {trigger.state} TRIGGER {trigger.name}",
            ],
        )
