"""What is asked of the past: every event, what it did, and what two moments differ in.

May import: `stream`, `items`, `eventlog`. `Conversation` offers each of them as a method.
"""
