"""The feed: all events in one order, read, followed and given their positions.

May import: `keys`, `store`, `redis`, and downwards.
"""
