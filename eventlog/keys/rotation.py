"""Wrapping data keys anew under the keyring's current key; no event is touched."""

from eventlog.keys.data_keys import DataKeys
from eventlog.store.contract.keys import KeyRow


async def rewrap_page(keys: DataKeys, after: tuple[bytes, str], limit: int) -> list[KeyRow]:
    """Rewrap up to `limit` keys behind (stream_id, key_id) that the current key did not wrap.

    Returns their rows as they were. Raises NoKeyError or WrongKeyError.
    """
    source, wrapper = keys.store.keys, keys.wrapper
    rows = await source.wrapped_by_others(wrapper.require("").current, after, limit)
    for row in rows:
        display_name = row.stream_id.hex()
        key = await wrapper.unwrap(display_name, row)
        new = await wrapper.wrap(display_name, row.stream_id, row.key_id, key)
        await source.rewrap(display_name, row, new)
    return rows
