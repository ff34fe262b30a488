"""Checks of streams, of the feed and of keys, and what they find.

May import: `keys`, `store`, `proof`, and downwards.
"""
