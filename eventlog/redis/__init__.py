"""Redis, which is optional: its address, a link for each event loop, notifications, a shared cache.

May import: the ground.
"""
