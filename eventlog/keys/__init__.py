"""Keys: rings that close data keys, and the data keys of streams.

May import: `store`, and downwards.
"""
