"""How conversations end: erasure, pruning, retention, archives.

May import: `conversation`, `views`, `items`, `eventlog`.
"""
