"""Stand-ins for services that these tests cannot start, beneath the SDK's real session classes."""
