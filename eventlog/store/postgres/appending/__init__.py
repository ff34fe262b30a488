"""Appending on PostgreSQL: what goes together, how it is sent, and what comes of it."""
