"""The log in a terminal: the command `eventlog`, and the demo."""
