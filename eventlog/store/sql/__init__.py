"""The one definition of tables and statements, in SQLAlchemy Core.

May import: `store.contract`.
"""
