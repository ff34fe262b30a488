"""SQLite: files, threads and transactions; the append in one hop to a thread.

`store` puts together what the nouns need; `runner` runs their work on the threads of `worker`;
`append` commits groups.

May import: `store.contract`, `store.sql`, `store.nouns`, `store.migrations`; never
`store.postgres`.
"""
