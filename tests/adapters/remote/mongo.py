"""The client of MongoDB as far as MongoDBSession uses it, in memory, under the driver's names."""

import copy
import itertools
from typing import Any, Final, Self

import pytest

from tests.adapters.remote.stand_ins import import_over


class DriverInfo:
    def __init__(self, name: str, version: str | None = None) -> None:
        self.name, self.version = name, version


class ReadPreference:
    PRIMARY = "primary"


class AsyncMongoClient:
    """One server."""

    def __class_getitem__(cls, _: object) -> type:
        return cls

    def __init__(self) -> None:
        self._databases: Final[dict[str, dict[str, AsyncCollection]]] = {}

    def __getitem__(self, database: str) -> "_Database":
        return _Database(self._databases.setdefault(database, {}))

    def append_metadata(self, _: DriverInfo) -> None:
        return


class _Database:
    def __init__(self, collections: "dict[str, AsyncCollection]") -> None:
        self._collections = collections

    def __getitem__(self, name: str) -> "AsyncCollection":
        return self._collections.setdefault(name, AsyncCollection())


class AsyncCollection:
    """Documents."""

    def __class_getitem__(cls, _: object) -> type:
        return cls

    def __init__(self) -> None:
        self.documents: Final[list[dict[str, Any]]] = []
        self._ids: Final = itertools.count(1)

    def with_options(self, **_: object) -> Self:
        return self

    async def create_index(self, *_: object, **__: object) -> None:
        return

    def find(self, query: dict[str, Any]) -> "_Cursor":
        return _Cursor([one for one in self.documents if _matches(one, query)])

    async def insert_one(self, document: dict[str, Any]) -> None:
        self.documents.append({"_id": next(self._ids), **copy.deepcopy(document)})

    async def delete_many(self, query: dict[str, Any]) -> None:
        self.documents[:] = [one for one in self.documents if not _matches(one, query)]

    async def delete_one(self, query: dict[str, Any]) -> None:
        for one in await self.find(query).limit(1).to_list():
            self.documents[:] = [kept for kept in self.documents if kept["_id"] != one["_id"]]

    async def find_one_and_update(
        self,
        query: dict[str, Any],
        update: Any,
        *,
        upsert: bool = False,
        return_document: bool,
        sort: Any = None,
    ) -> dict[str, Any] | None:
        found = [one for one in self.documents if _matches(one, query)]
        if sort:
            found.sort(key=lambda one: one[sort[0][0]], reverse=sort[0][1] < 0)
        if not found and not upsert:
            return None
        before = copy.deepcopy(found[0]) if found else None
        one = found[0] if found else {"_id": next(self._ids)}
        if not found:
            self.documents.append(one)
        _update(one, update, inserted=not found)
        return copy.deepcopy(one) if return_document else before


class _Cursor:
    def __init__(self, found: list[dict[str, Any]]) -> None:
        self._found = found

    def sort(self, field: str, direction: int) -> Self:
        self._found.sort(key=lambda one: one[field], reverse=direction < 0)
        return self

    def limit(self, count: int) -> Self:
        del self._found[count:]
        return self

    async def to_list(self) -> list[dict[str, Any]]:
        return copy.deepcopy(self._found)


_OPERATORS: Final[dict[str, Any]] = {
    "$in": lambda value, wanted: value in wanted,
    "$ne": lambda value, wanted: value != wanted,
    "$lt": lambda value, wanted: value is not None and value < wanted,
    "$exists": lambda value, wanted: (value is not None) == wanted,
}


def _matches(document: dict[str, Any], query: dict[str, Any]) -> bool:
    for field, wanted in query.items():
        if field == "$or":
            if not any(_matches(document, one) for one in wanted):
                return False
        elif isinstance(wanted, dict):
            value = document.get(field)
            if not all(_OPERATORS[name](value, given) for name, given in wanted.items()):
                return False
        elif document.get(field) != wanted:
            return False
    return True


def _update(document: dict[str, Any], update: Any, *, inserted: bool) -> None:
    if isinstance(update, list):  # The one pipeline that the session uses: drop the last item.
        data = document["message_data"]
        document["message_data"] = data[:-1] if isinstance(data, list) else []
        return
    if inserted:
        document.update(update.get("$setOnInsert", {}))
    document.update(update.get("$set", {}))
    for field, amount in update.get("$inc", {}).items():
        document[field] = document.get(field, 0) + amount


def session_class(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import the SDK's real MongoDBSession over these stand-ins, for the time of a test."""
    modules: dict[str, dict[str, object]] = {
        "pymongo": {},
        "pymongo.asynchronous": {},
        "pymongo.asynchronous.collection": {"AsyncCollection": AsyncCollection},
        "pymongo.asynchronous.mongo_client": {"AsyncMongoClient": AsyncMongoClient},
        "pymongo.driver_info": {"DriverInfo": DriverInfo},
        "pymongo.read_preferences": {"ReadPreference": ReadPreference},
    }
    return import_over(
        monkeypatch, modules, "agents.extensions.memory.mongodb_session:MongoDBSession"
    )
