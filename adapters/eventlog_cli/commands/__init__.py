"""The commands, by what they are for; eventlog_cli.app names each with its module."""
