"""Where events are kept: one contract, SQLite and PostgreSQL behind it.

A call on a noun (`contract/`) is work, written once as a generator (`nouns/`) that yields
statements (`sql/` defines them) and is sent rows; `sqlite/runner` answers it in one hop to a
thread, `postgres/runner` statement by statement on a connection. Appends have a form of their own
in each database, and ask one `decide()`. `migrations` lends Alembic to both.
"""
