"""What the log costs beside the SDK's own session, as ratios measured in one run."""
