"""The viewer in a real Chromium, over a server that runs in a process of its own."""
