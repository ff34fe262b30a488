"""What is done with a list besides adding to it: forks, branches, undo and redo, labels.

May import: `conversation`, `items`, `eventlog`.
"""
