"""What an operator does with a log: backups, migrations, roles, keys, erasures, holds, proofs.

May import: all of `eventlog`.
"""
