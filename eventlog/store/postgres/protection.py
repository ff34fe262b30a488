"""Putting triggers back on guard, after rows were copied past them."""

from typing import Any, Final

_OFF_GUARD: Final = """
SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', tgrelid::regclass, tgname)
FROM pg_trigger JOIN pg_class AS guarded ON guarded.oid = tgrelid
JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE guarded.relnamespace = to_regnamespace($1) AND pronamespace = guarded.relnamespace
AND NOT tgisinternal AND tgenabled <> 'A'
ORDER BY 1
"""
"""Ours call a function of the log's schema. Those of a partition are enabled one by one."""


async def protect(connection: Any, quoted_schema: str) -> None:
    """Enable every trigger of a log that does not fire always; without one, only look."""
    for (enable,) in await connection.fetch(_OFF_GUARD, quoted_schema):
        await connection.execute(enable)
