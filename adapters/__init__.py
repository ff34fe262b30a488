"""The edges: the Agents SDK, the shell. Each optional one is an extra."""
