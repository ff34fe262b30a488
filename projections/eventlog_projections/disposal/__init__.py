"""How conversations end: erasure, pruning, retention, archives.

May import: `conversation`, `changing`, `views`, `items`, `eventlog`.
"""
