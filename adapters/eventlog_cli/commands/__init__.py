"""The commands, by what they are for; adapters.cli.app names each with its module."""
