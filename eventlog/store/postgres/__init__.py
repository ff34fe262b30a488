"""PostgreSQL: connections, pools and roles; the append in one statement.

May import: `store.contract`, `store.sql`, `store.nouns`; never `store.sqlite`.
"""
