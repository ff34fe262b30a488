"""The viewer: pages over a log, and one conversation as a file. It draws, and decides nothing."""

from eventlog_web.app import build
from eventlog_web.guard import Access
from eventlog_web.serving import serve

__all__ = ["Access", "build", "serve"]
