"""`python -m eventlog_cli`, where the command is not installed."""

from eventlog_cli.main import program

program()
