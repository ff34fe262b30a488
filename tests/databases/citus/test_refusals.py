"""The checker finds in each seed what a real cluster said to it, and nothing in what that took."""

import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import asyncpg
import pytest

from tests import distributing
from tests.databases.citus import seeds
from tests.databases.citus.refusals import Catalog, refusals
from tests.databases.citus.trees import analysed


class Seeded(NamedTuple):
    """The tables of the seeds, in a schema of their own."""

    connection: "asyncpg.Connection[Any]"
    catalog: Catalog
    prefix: str

    async def found(self, statement: str) -> list[str]:
        """Return what the checker has against a statement."""
        tree = await analysed(self.connection, statement.replace("{}", self.prefix))
        return refusals(tree, self.catalog)

    async def is_refused_by_citus(self, statement: str) -> bool:
        """Run it where there is Citus; nothing of it is kept."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            await self.connection.execute(statement.replace("{}", self.prefix))
        except asyncpg.FeatureNotSupportedError:
            return True
        finally:
            await transaction.rollback()
        return False


@pytest.fixture
async def seeded(postgres_url: str) -> AsyncIterator[Seeded]:
    schema = f"seeds_{uuid.uuid4().hex[:16]}"
    connection = await asyncpg.connect(postgres_url, statement_cache_size=0)
    made = seeds.TABLES if distributing.kind() is None else seeds.TABLES + seeds.DISTRIBUTING
    await connection.execute(f"CREATE SCHEMA {schema}")
    for statement in made:
        await connection.execute(statement.replace("{}", f"{schema}."))
    catalog = await Catalog.read(connection, schema, seeds.FAR)
    yield Seeded(connection, catalog, f"{schema}.")
    await connection.execute(f"DROP SCHEMA {schema} CASCADE")
    await connection.close()


async def test_what_citus_refused_is_found(seeded: Seeded) -> None:
    """Each statement that it refused, for one reason at least."""
    missed = [each for each in seeds.REFUSED if not await seeded.found(each)]
    assert missed == []


async def test_what_citus_took_is_not_found(seeded: Seeded) -> None:
    """A checker that finds everything would be of no use."""
    found = {each: await seeded.found(each) for each in seeds.TAKEN}
    assert {each: why for each, why in found.items() if why} == {}


async def test_citus_still_says_what_it_said(seeded: Seeded) -> None:
    """Where the tests have a cluster, it is asked; elsewhere PostgreSQL takes them all."""
    said = {each: await seeded.is_refused_by_citus(each) for each in seeds.REFUSED + seeds.TAKEN}
    is_citus = distributing.kind() == "citus"
    assert said == {each: is_citus and each in seeds.REFUSED for each in said}
