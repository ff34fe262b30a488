"""What is done with a list besides adding to it: pops, forks, branches, undo and redo, labels.

May import: `stream`, `items`, `eventlog`. `Conversation` offers each of them as a method.
"""
