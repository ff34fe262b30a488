"""What Citus has against a statement, found on a plain PostgreSQL.

Rule: what Citus 13 refuses, is found. It is told here by the statement alone, and so also of some
that Citus takes; the seeds in seeds.py were run there.
"""

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

import asyncpg

from tests.databases.citus.trees import (
    DELETE,
    INSERT,
    JOIN,
    TABLE,
    UPDATE,
    Node,
    outer,
    queries,
)

KEY: Final = "stream_id"

_RELATIONS: Final = """
SELECT pg_class.oid::text, relname, coalesce(attnum, 0)::text FROM pg_class
LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attname = $2
WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p')
"""
_FUNCTIONS: Final = "SELECT oid::text, proname, provolatile::text FROM pg_proc"
_OPERATORS: Final = "SELECT oid::text, oprcode::oid::text FROM pg_operator"
_OPERATIONS: Final = ("OPEXPR", "DISTINCTEXPR", "NULLIFEXPR", "SCALARARRAYOPEXPR")


class Relation(NamedTuple):
    """A table of the log."""

    name: str
    key: str
    """The number of its column `stream_id`."""
    is_distributed: bool


class Catalog(NamedTuple):
    """What the numbers in a tree mean."""

    relations: dict[str, Relation]
    functions: dict[str, tuple[str, str]]
    """Name and volatility of each."""
    operators: dict[str, str]

    @classmethod
    async def read(
        cls, connection: "asyncpg.Connection[Any]", schema: str, distributed: Collection[str]
    ) -> "Catalog":
        """Read it where the log is in `schema`, and Citus would distribute some of its tables."""
        rows = await connection.fetch(_RELATIONS, schema, KEY)
        return cls(
            {oid: Relation(name, key, name in distributed) for oid, name, key in rows},
            {oid: (name, kind) for oid, name, kind in await connection.fetch(_FUNCTIONS)},
            dict(await connection.fetch(_OPERATORS)),
        )

    def called(self, node: Node) -> tuple[str, str]:
        """Return the name and the volatility of the function that a node calls, if it does."""
        number = node.text("funcid")
        if node.kind in _OPERATIONS:
            number = self.operators.get(node.text("opno"), "")
        return self.functions.get(number, ("", ""))

    def of(self, entry: Node) -> Relation | None:
        """Return the table of the log that an entry of a range table is."""
        return self.relations.get(entry.text("relid")) if entry.text("rtekind") == TABLE else None

    def distributed(self, query: Node) -> list[Relation]:
        """Return the distributed tables that a query names, but not those of queries in it."""
        found = [self.of(entry) for entry in query.nodes("rtable")]
        return [each for each in found if each is not None and each.is_distributed]

    def touched(self, *trees: Node) -> set[str]:
        """Return the names of the distributed tables of queries and of all in them."""
        every = [query for tree in trees for query in queries(tree)]
        return {each.name for query in every for each in self.distributed(query)}

    def changed(self, query: Node) -> Relation | None:
        """Return the distributed table that a query changes."""
        if query.text("commandType") not in (UPDATE, INSERT, DELETE):
            return None
        relation = self.of(query.nodes("rtable")[int(query.text("resultRelation")) - 1])
        return relation if relation is not None and relation.is_distributed else None


def refusals(tree: Node, catalog: Catalog) -> list[str]:
    """Return what Citus has against a statement, each reason once."""
    every = list(queries(tree))
    found = [each for rule in _RULES for query in every for each in rule(query, catalog)]
    return list(dict.fromkeys(found))


def _volatile(query: Node, catalog: Catalog) -> Iterator[str]:
    """Every worker would have to answer alike: once for a statement, whatever the row."""
    changed = catalog.changed(query)
    if changed is None or query.text("commandType") == INSERT:
        return
    for node in query.below():
        name, volatility = catalog.called(node)
        if volatility == "v":
            yield f"{name}() is volatile, in what changes {changed.name}"
        if volatility == "s" and any(each.kind == "VAR" for each in node.below()):
            yield f"{name}() is stable and is given columns, in what changes {changed.name}"


def _returned(query: Node, catalog: Catalog) -> Iterator[str]:
    changed = catalog.changed(query)
    for entry in query.nodes("returningList") if changed else []:
        for node in entry.below():
            name, volatility = catalog.called(node)
            if volatility in ("v", "s"):
                yield f"{name}() is not immutable, in RETURNING"


def _modifying_with(query: Node, catalog: Catalog) -> Iterator[str]:
    """It goes by way of the coordinator, wants every worker, and loses the SQLSTATE of a key."""
    for cte in query.nodes("cteList"):
        inner = next(node for node in cte.below() if node.kind == "QUERY")
        changed = catalog.changed(inner)
        if changed is not None:
            yield f"a WITH clause changes {changed.name}"


def _key_changed(query: Node, catalog: Catalog) -> Iterator[str]:
    """A row cannot move to another shard."""
    changed = catalog.changed(query)
    if changed is None or query.text("commandType") != UPDATE:
        return
    if any(entry.text("resno") == changed.key for entry in query.nodes("targetList")):
        yield f"an UPDATE sets {KEY} of {changed.name}"


def _correlated(query: Node, catalog: Catalog) -> Iterator[str]:
    """A subquery runs beside each row only where both are on one worker, and meet in their stream.

    LATERAL is one, too.
    """
    lateral = [entry for entry in query.nodes("rtable") if entry.text("lateral") == "true"]
    links = [node for node in query.below() if node.kind == "SUBLINK"]
    for place in [*lateral, *links]:
        inner = next((node for node in place.below() if node.kind == "QUERY"), None)
        if inner is None or not any(outer(inner)):
            continue
        touched = catalog.touched(inner) | {each.name for each in catalog.distributed(query)}
        if touched and not (
            _is_of_one_stream(inner, catalog) or _is_beside(query, inner, lateral, catalog)
        ):
            how = "LATERAL" if place in lateral else "a correlated subquery"
            yield f"{how} over {', '.join(sorted(touched))}"


def _inserted_subqueries(query: Node, catalog: Catalog) -> Iterator[str]:
    is_insert = query.text("commandType") == INSERT and catalog.changed(query) is not None
    if is_insert and any(node.kind == "SUBLINK" for node in query.below()):
        yield "a subquery among the VALUES of an INSERT"


def _locked(query: Node, catalog: Catalog) -> Iterator[str]:
    """FOR UPDATE is taken on one shard."""
    tables = catalog.distributed(query)
    if query.text("hasForUpdate") == "true" and tables and not _is_pinned(query, catalog):
        yield f"rows of several shards of {tables[0].name} are locked"


def _recursive(query: Node, catalog: Catalog) -> Iterator[str]:
    for cte in query.nodes("cteList"):
        inner = next(node for node in cte.below() if node.kind == "QUERY")
        touched = catalog.touched(inner)
        is_recursive = cte.text("cterecursive") == "true"
        if touched and is_recursive and not _is_of_one_stream(inner, catalog):
            yield f"WITH RECURSIVE over {', '.join(sorted(touched))}"


def _is_of_one_stream(tree: Node, catalog: Catalog) -> bool:
    """Tell whether all tables in a tree are distributed, and asked for a stream by parameter."""
    return all(
        _is_pinned(query, catalog) or not catalog.distributed(query) for query in queries(tree)
    ) and not any(_of_coordinator(query, catalog) for query in queries(tree))


def _is_pinned(query: Node, catalog: Catalog) -> bool:
    """Tell whether a query names the stream of its rows by a parameter or a constant."""
    keys = {each.key for each in catalog.distributed(query)}
    for sides in _equalities(query):
        numbers = {side.text("varattno") for side in sides if side.kind == "VAR"}
        if numbers and numbers <= keys and {"PARAM", "CONST"} & {side.kind for side in sides}:
            return True
    return False


def _is_beside(query: Node, inner: Node, lateral: list[Node], catalog: Catalog) -> bool:
    """Tell whether both take from distributed tables alone, and meet in their stream."""
    entries = [*query.nodes("rtable"), *inner.nodes("rtable")]
    for entry in entries:
        relation = catalog.of(entry)
        is_far = relation is not None and relation.is_distributed
        if not is_far and entry.text("rtekind") != JOIN and entry not in lateral:
            return False
    keys = {each.key for each in catalog.distributed(query) + catalog.distributed(inner)}
    return any(
        {side.text("varattno") for side in sides} <= keys
        and {side.text("varlevelsup") for side in sides} == {"0", "1"}
        for sides in _equalities(inner)
    )


def _of_coordinator(query: Node, catalog: Catalog) -> list[Relation]:
    found = [catalog.of(entry) for entry in query.nodes("rtable")]
    return [each for each in found if each is not None and not each.is_distributed]


def _equalities(query: Node) -> Iterator[list[Node]]:
    for node in query.below():
        if node.kind == "OPEXPR":
            yield node.nodes("args")


_RULES: Final = (
    _volatile,
    _returned,
    _modifying_with,
    _key_changed,
    _correlated,
    _inserted_subqueries,
    _locked,
    _recursive,
)
