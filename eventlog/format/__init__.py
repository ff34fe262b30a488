"""Events and their bytes: names, encoding, hashes, encryption. Pure: no database, no waiting.

May import: the ground (`errors`, `paging`, ...).
"""
