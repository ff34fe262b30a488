"""PostgreSQL: connections, pools and roles; the append in one statement.

`store` puts together what the nouns need; `runner` runs their work; `appending`, `snapshots` and
`feed` are what has a form of its own here; `distributed` makes a log of many nodes.

May import: `store.contract`, `store.sql`, `store.nouns`, `store.migrations`; never `store.sqlite`.
"""
