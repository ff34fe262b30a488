"""Where events are kept: one contract, SQLite and PostgreSQL behind it."""
