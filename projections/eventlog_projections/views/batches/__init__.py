"""Batches of events in views: folded, stored, narrowed where one is refused, folded anew."""
