"""SQLite: files, threads and transactions; the append in one hop.

May import: `store.contract`, `store.sql`, `store.nouns`; never `store.postgres`.
"""
