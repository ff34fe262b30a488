"""Where a log is: a file, memory or a server, from a URL or from an engine of SQLAlchemy.

May import: the errors.
"""
