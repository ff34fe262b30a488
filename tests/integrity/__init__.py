"""agmi-check, an independent suite of edits behind a store's back, against our session."""
