"""Sessions that are wrong in one thing each."""

import asyncio
import copy
import json
from collections.abc import Callable
from typing import Any, Final

from agents.memory.session_settings import resolve_session_limit

from tests.adapters.right_session import RightSession, Store, pause, slowly


class AddsAField(RightSession):
    def encode(self, item: Any) -> str:
        return json.dumps({**item, "stored_at": 0})


class FillsInAType(RightSession):
    def encode(self, item: Any) -> str:
        return json.dumps(item if "type" in item else {"type": "message", **item})


class StripsIds(RightSession):
    def encode(self, item: Any) -> str:
        return json.dumps({key: value for key, value in item.items() if key != "id"})


class DropsNulls(RightSession):
    def encode(self, item: Any) -> str:
        return json.dumps({key: value for key, value in item.items() if value is not None})


class DropsPrivateKeys(RightSession):
    def encode(self, item: Any) -> str:
        return json.dumps({key: value for key, value in item.items() if key[:1] != "_"})


class SortsKeys(RightSession):
    def encode(self, item: Any) -> str:
        return json.dumps(item, sort_keys=True)


class WritesNanAsNull(RightSession):
    def encode(self, item: Any) -> str:
        return super().encode(item).replace("NaN", "null")


class RefusesSurrogates(RightSession):
    def encode(self, item: Any) -> str:
        json.dumps(item, ensure_ascii=False).encode()
        return super().encode(item)


class CutsIntegers(RightSession):
    def encode(self, item: Any) -> str:
        read: Callable[[str], Any] = lambda text: int(text) if len(text) < 19 else float(text)  # noqa: E731
        return json.dumps(json.loads(json.dumps(item), parse_int=read))


class StripsText(RightSession):
    def encode(self, item: Any) -> str:
        return super().encode(item).replace("\\u0000", "")


class WritesWhateverItGets(RightSession):
    def encode(self, item: Any) -> str:
        return json.dumps(item, default=str)


class DropsEmptyItems(RightSession):
    async def add_items(self, items: list[Any]) -> None:
        await super().add_items([item for item in items if item])


class AnswersAtOnce(RightSession):
    def get_items(self, limit: int | None = None) -> Any:
        return [json.loads(row) for row in self.window(self.rows, limit)]


class LimitsFromTheWrongEnd(RightSession):
    def window(self, rows: list[Any], limit: int | None) -> list[Any]:
        effective = resolve_session_limit(limit, self.session_settings)
        return rows if effective is None or effective < 0 else rows[:effective]


class ReturnsTheLatestFirst(RightSession):
    def window(self, rows: list[Any], limit: int | None) -> list[Any]:
        return super().window(rows, limit)[:: 1 if limit is None else -1]


class LimitsByKeywordOnly(RightSession):
    async def get_items(self, *, limit: int | None = None) -> list[Any]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return await super().get_items(limit)


class CallsTheLimitOtherwise(RightSession):
    async def get_items(self, last: int | None = None) -> list[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return await super().get_items(last)


class TakesZeroForNoLimit(RightSession):
    def window(self, rows: list[Any], limit: int | None) -> list[Any]:
        return super().window(rows, limit or None)


class RefusesBigLimits(RightSession):
    def window(self, rows: list[Any], limit: int | None) -> list[Any]:
        if limit is not None and limit > 100_000:
            raise ValueError("limit is too big")
        return super().window(rows, limit)


class IgnoresItsSettings(RightSession):
    def window(self, rows: list[Any], limit: int | None) -> list[Any]:
        return rows[-limit:] if limit and limit > 0 else [] if limit == 0 else list(rows)


class PrefersItsSettings(RightSession):
    def window(self, rows: list[Any], limit: int | None) -> list[Any]:
        default = self.session_settings.limit
        return super().window(rows, limit if default is None else default)


class KeepsADictAsSettings(RightSession):
    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def window(self, rows: list[Any], limit: int | None) -> list[Any]:
        settings = self.session_settings
        default = (
            settings.get("limit")
            if isinstance(settings, dict)
            else getattr(settings, "limit", None)
        )
        return super().window(rows, default if limit is None else limit) if default else list(rows)


class PopsByItsSettings(RightSession):
    async def pop_item(self) -> Any | None:
        return await super().pop_item() if await self.get_items() else None


class DropsRepeatedContent(RightSession):
    async def add_items(self, items: list[Any]) -> None:
        new = dict.fromkeys(json.dumps(item) for item in items)
        await super().add_items([json.loads(row) for row in new if row not in self.rows])


class DropsARepeatedBatch(RightSession):
    async def add_items(self, items: list[Any]) -> None:
        rows = [json.dumps(item) for item in items]
        if not rows or self.rows[-len(rows) :] != rows:
            await super().add_items(items)


class SharesNestedObjects(RightSession):
    def __init__(self, session_id: str, store: Store) -> None:
        super().__init__(session_id, store)
        self.decoded: dict[str, Any] = {}

    async def get_items(self, limit: int | None = None) -> list[Any]:
        rows = self.window(self.rows, limit)
        return [dict(self.decoded.setdefault(row, json.loads(row))) for row in rows]


class SharesObjectsBetweenInstances(RightSession):
    decoded: dict[str, Any] = {}  # noqa: RUF012 - shared by all is what is wrong

    async def get_items(self, limit: int | None = None) -> list[Any]:
        rows = self.window(self.rows, limit)
        return [
            dict(self.decoded.setdefault(self.session_id + row, json.loads(row))) for row in rows
        ]


class KeepsTheCallersObjects(RightSession):
    kept: Any = None

    async def add_items(self, items: list[Any]) -> None:
        await super().add_items(items)
        self.kept = [*(self.kept or []), *items]

    async def get_items(self, limit: int | None = None) -> list[Any]:
        read = await super().get_items(limit)
        return copy.deepcopy(self.kept) if self.kept and limit is None else read


class KeepsTheCallersItems(RightSession):
    async def add_items(self, items: list[Any]) -> None:
        await pause()
        await super().add_items(items)


class WritesIntoTheCallersItems(RightSession):
    async def add_items(self, items: list[Any]) -> None:
        await super().add_items(copy.deepcopy(items))
        for item in items:
            item["id"] = "stored"


class RemembersWhatItRead(RightSession):
    seen: list[str] | None = None

    async def get_items(self, limit: int | None = None) -> list[Any]:
        await pause()
        self.seen = list(self.rows) if self.seen is None else self.seen
        return [json.loads(row) for row in self.window(self.seen, limit)]

    async def change(self, apply: Callable[[], Any]) -> Any:
        self.seen = None
        answer = await super().change(apply)
        self.seen = None
        return answer


class RemembersUntilTheLengthChanges(RightSession):
    seen: list[str] | None = None

    async def get_items(self, limit: int | None = None) -> list[Any]:
        if self.seen is None or len(self.seen) != len(self.rows):
            self.seen = list(self.rows)
        return [json.loads(row) for row in self.window(self.seen, limit)]


class ReadsRowByRow(RightSession):
    async def get_items(self, limit: int | None = None) -> list[Any]:
        read: list[str] = []
        while len(read) < len(self.rows):
            read.append(self.rows[len(read)])
            await pause()
        return [json.loads(row) for row in self.window(read, limit)]


class TearsBatches(RightSession):
    async def add_items(self, items: list[Any]) -> None:
        for item in items:
            await super().add_items([item])


class PopsWithoutClaiming(RightSession):
    async def pop_item(self) -> Any | None:
        rows = list(self.rows)
        await pause()
        await self.change(lambda: self.rows.__setitem__(slice(None), rows[:-1]))
        return json.loads(rows[-1]) if rows else None


class RaisesWhenEmpty(RightSession):
    async def pop_item(self) -> Any | None:
        return json.loads(await self.change(self.rows.pop))


class PopsTheFirst(RightSession):
    async def pop_item(self) -> Any | None:
        row = await self.change(lambda: self.rows.pop(0) if self.rows else None)
        return None if row is None else json.loads(row)


class ClearsOtherConversations(RightSession):
    async def clear_session(self) -> None:
        await self.change(self.store.clear)


class MixesUpIds(RightSession):
    @property
    def rows(self) -> list[str]:
        return self.store.setdefault(self.session_id.lower().strip(), [])


class KeepsAClearedTail(RightSession):
    async def clear_session(self) -> None:
        await self.change(lambda: self.rows.__delitem__(slice(0, -1)))


class LosesACancellation(RightSession):
    """The caller hears of it at once, and the change happens later."""

    async def change(self, apply: Callable[[], Any]) -> Any:
        return await asyncio.shield(asyncio.ensure_future(self.late(apply)))

    async def late(self, apply: Callable[[], Any]) -> Any:
        for _ in range(10):
            await pause()
        return apply()


class SwallowsACancellation(RightSession):
    """The change happens, and the caller never hears that it was cancelled."""

    async def change(self, apply: Callable[[], Any]) -> Any:
        task = asyncio.ensure_future(slowly(apply))
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        return task.result()


class KeepsItsLockWhenCancelled(RightSession):
    """A cancelled caller never gives back what all others wait for."""

    def __init__(self, session_id: str, store: Store) -> None:
        super().__init__(session_id, store)
        self.lock = asyncio.Lock()

    async def change(self, apply: Callable[[], Any]) -> Any:
        await self.lock.acquire()
        answer = await slowly(apply)
        self.lock.release()
        return answer


class BelongsToOneLoop(RightSession):
    loop: Any = None

    async def change(self, apply: Callable[[], Any]) -> Any:
        self.loop = self.loop or asyncio.get_running_loop()
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError("attached to a different loop")
        return await super().change(apply)


class TakesAWrapperInThreeMethods(RightSession):
    async def get_items(self, limit: int | None = None, *, wrapper: Any = None) -> list[Any]:
        return await super().get_items(limit)

    async def add_items(self, items: list[Any], *, wrapper: Any = None) -> None:
        await super().add_items(items)

    async def pop_item(self, *, wrapper: Any = None) -> Any | None:
        return await super().pop_item()


class LimitsNothingWithAWrapper(TakesAWrapperInThreeMethods):
    async def get_items(self, limit: int | None = None, *, wrapper: Any = None) -> list[Any]:
        return await super().get_items(None if wrapper else limit)

    async def clear_session(self, *, wrapper: Any = None) -> None:
        await super().clear_session()


class AddsNothingAfterItsEnd(RightSession):
    async def add_items(self, items: list[Any]) -> None:
        if items:
            await super().add_items(items)


FAULTS: Final[dict[type[RightSession], str]] = {
    AddsAField: "no_field_is_added_or_dropped",
    FillsInAType: "items_without_role_and_type_are_kept",
    StripsIds: "ids_are_kept",
    DropsNulls: "empty_values_are_kept",
    DropsPrivateKeys: "private_keys_are_kept",
    SortsKeys: "the_order_of_keys_is_kept",
    WritesNanAsNull: "nan_and_infinity_are_kept",
    RefusesSurrogates: "lone_surrogates_are_kept",
    CutsIntegers: "integers_beyond_64_bits_are_kept",
    StripsText: "nul_characters_are_kept",
    WritesWhateverItGets: "a_batch_with_a_bad_item_stores_nothing",
    DropsEmptyItems: "empty_values_are_kept",
    AnswersAtOnce: "is_a_session",
    LimitsFromTheWrongEnd: "a_limit_by_position_gives_the_latest",
    ReturnsTheLatestFirst: "a_limit_by_name_gives_the_latest",
    LimitsByKeywordOnly: "a_limit_by_position_gives_the_latest",
    CallsTheLimitOtherwise: "a_limit_by_name_gives_the_latest",
    TakesZeroForNoLimit: "a_limit_of_zero_gives_nothing",
    RefusesBigLimits: "the_biggest_limit_gives_everything",
    IgnoresItsSettings: "settings_limit_a_read_without_a_limit",
    PrefersItsSettings: "a_limit_beats_the_settings",
    KeepsADictAsSettings: "settings_as_a_dict_are_coerced",
    PopsByItsSettings: "a_pop_ignores_the_settings",
    DropsRepeatedContent: "exact_duplicates_are_kept",
    DropsARepeatedBatch: "duplicates_of_other_batches_are_kept",
    SharesNestedObjects: "each_read_returns_nested_objects_of_its_own",
    SharesObjectsBetweenInstances: "instances_share_no_objects",
    KeepsTheCallersObjects: "the_caller_may_change_items_after_adding",
    KeepsTheCallersItems: "the_caller_may_change_items_while_adding",
    WritesIntoTheCallersItems: "adding_leaves_the_callers_items_alone",
    RemembersWhatItRead: "an_instance_sees_what_another_wrote",
    RemembersUntilTheLengthChanges: "an_instance_sees_what_another_exchanged",
    ReadsRowByRow: "a_read_sees_the_list_of_one_moment",
    TearsBatches: "batches_of_several_instances_stay_whole",
    PopsWithoutClaiming: "issue_4988_concurrent_pops_never_return_one_item_twice",
    RaisesWhenEmpty: "a_pop_of_nothing_is_none",
    PopsTheFirst: "a_pop_takes_the_last_item",
    ClearsOtherConversations: "other_conversations_stay_as_they_are",
    MixesUpIds: "ids_that_look_alike_are_different",
    KeepsAClearedTail: "a_clear_empties_the_list",
    LosesACancellation: "a_cancelled_add_is_settled",
    SwallowsACancellation: "a_cancelled_clear_is_settled",
    KeepsItsLockWhenCancelled: "a_cancelled_caller_stops_nobody_else",
    BelongsToOneLoop: "a_session_goes_from_loop_to_loop",
    TakesAWrapperInThreeMethods: "all_four_methods_take_the_wrapper_or_none",
    LimitsNothingWithAWrapper: "a_wrapper_changes_no_result",
    AddsNothingAfterItsEnd: "a_closed_session_refuses_every_call",
}
"""Each fault, and the case that was made for it."""
