"""Events that a view goes on without: how they are found, written down, and taken after all."""
