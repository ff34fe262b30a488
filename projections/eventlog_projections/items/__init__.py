"""The list of items: what a conversation's events amount to, now and at any version.

May import: `eventlog`.
"""
