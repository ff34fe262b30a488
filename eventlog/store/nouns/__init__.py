"""What is done with each noun whatever the database: generators that yield statements. No I/O.

May import: `store.contract`, `store.sql`.
"""
