"""What is done with a list besides adding to it: pops, forks, branches, undo and redo, labels.

May import: `history`, `stream`, `items`, `eventlog`. `Conversation` offers each as a method.
"""
