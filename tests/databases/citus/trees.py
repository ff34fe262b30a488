"""What PostgreSQL makes of a statement before anybody plans it: the tree that Citus is given.

A function with a body of SQL keeps the analysed statement in the catalog, as text of the form that
PostgreSQL's nodeToString writes (src/backend/nodes/outfuncs.c): names are resolved, functions and
operators are numbers, and what refers to an outer query says how far out.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

Value: TypeAlias = "Node | list[Value] | str"

SELECT, UPDATE, INSERT, DELETE = "1", "2", "3", "4"
"""Values of `commandType`."""
TABLE, JOIN = "0", "2"
"""Values of `rtekind`."""

_TOKEN: Final = re.compile(r'[(){}]|"(?:\\.|[^"\\])*"|(?:\\.|[^\s(){}\\])+')


class Node(NamedTuple):
    """A node: its kind, like QUERY or VAR, and its fields."""

    kind: str
    fields: dict[str, Value]

    def text(self, name: str) -> str:
        """Return a field that is one word."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def nodes(self, name: str) -> list["Node"]:
        """Return the nodes of a field that is a list."""
        value = self.fields.get(name, "")
        return [each for each in value if isinstance(each, Node)] if isinstance(value, list) else []

    def below(self) -> Iterator["Node"]:
        """Yield every node below, but what is in another query."""
        for value in self.fields.values():
            for node in _direct(value):
                yield node
                if node.kind != "QUERY":
                    yield from node.below()


def queries(node: Node) -> Iterator[Node]:
    """Yield every query in a tree, the outer first."""
    if node.kind == "QUERY":
        yield node
    for value in node.fields.values():
        for each in _direct(value):
            yield from queries(each)


def outer(query: Node, depth: int = 0) -> Iterator[Node]:
    """Yield what a query and those in it take from a query around it."""
    for node in query.below():
        if node.kind == "QUERY":
            yield from outer(node, depth + 1)
        elif node.kind == "VAR" and int(node.text("varlevelsup")) > depth:
            yield node


def _direct(value: Value) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif not isinstance(value, str):
        for each in value:
            yield from _direct(each)


def parse(text: str) -> Node:
    """Read a tree. The text may have lists around its one node."""
    value = _value(_TOKEN.findall(text)[::-1])
    while isinstance(value, list):
        (value,) = value
    assert isinstance(value, Node), text
    return value


def _value(tokens: list[str]) -> Value:
    """Take one value from the end of the tokens, which are in reverse."""
    token = tokens.pop()
    if token == "{":
        return _node(tokens)
    if token != "(":
        return token
    values: list[Value] = []
    while tokens[-1] != ")":
        values.append(_value(tokens))
    tokens.pop()
    return values


def _node(tokens: list[str]) -> Node:
    kind = tokens.pop()
    fields: dict[str, Value] = {}
    while tokens[-1] != "}":
        name = tokens.pop()[1:]
        values: list[Value] = []
        while not (tokens[-1] == "}" or tokens[-1].startswith(":")):
            values.append(_value(tokens))
        fields[name] = values[0] if len(values) == 1 else values
    tokens.pop()
    return Node(kind, fields)


async def analysed(connection: "asyncpg.Connection[Any]", statement: str) -> Node:
    """Return the tree of a statement; the types of its parameters PostgreSQL finds out itself."""
    async with connection.transaction():
        await connection.execute(f"PREPARE analysed AS {statement}")
        found = await connection.fetchval(
            "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'analysed'"
        )
        await connection.execute("DEALLOCATE analysed")
        arguments = ", ".join(found)
        await connection.execute(
            f"CREATE FUNCTION pg_temp.analysed({arguments}) RETURNS void LANGUAGE sql"
            f" BEGIN ATOMIC {statement}; END"
        )
        body = await connection.fetchval(
            "SELECT prosqlbody::text FROM pg_proc WHERE oid = 'pg_temp.analysed'::regproc"
        )
        await connection.execute(f"DROP FUNCTION pg_temp.analysed({arguments})")
    return parse(body)
