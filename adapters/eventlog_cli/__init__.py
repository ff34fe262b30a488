"""The log in a terminal: the command `eventlog`."""
