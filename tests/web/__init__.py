"""The viewer over HTTP, without a browser."""
