"""What is done with each noun whatever the database. No I/O.

`work` says how: a method that yields steps and is sent rows. A noun's class is a source of
`store.contract`; where a database has a better way than statement by statement, a class beside its
driver overrides or replaces it. `append` decides what becomes of an append, for both.

May import: `store.contract`, `store.sql`.
"""
