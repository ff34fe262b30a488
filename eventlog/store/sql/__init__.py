"""The one definition of tables and statements, in SQLAlchemy Core: what is asked about each noun.

A noun's file has a function for each of its statements, marked with the databases that run it.
A running program imports the text that these compile to (`generated.py` of each database), and of
this wing only files without SQLAlchemy: `statement`, `names`, `constants`, `stream_rows`,
`view_rows`, `view_text`, `roles`.

May import: `store.contract`.
"""
