"""The log in a terminal: the demo."""
