"""What an operator does with a log: backups, migrations, roles, keys, erasures, holds, proofs.

May import: all of `eventlog`.
"""

from eventlog.operations.backup import backup
from eventlog.operations.evidence import gather_evidence
from eventlog.operations.heads import publish, to_command, to_file
from eventlog.operations.holds import held_by, lift_hold, place_hold
from eventlog.operations.migration import migrate
from eventlog.operations.receipts import ErasedVersions, Receipt, read_receipt
from eventlog.operations.recovery import recover
from eventlog.operations.repair import Misplacement, repair_feed
from eventlog.operations.roles import create_roles
from eventlog.operations.rotation import rekey, rotate
from eventlog.operations.worker import work

__all__ = [
    "ErasedVersions",
    "Misplacement",
    "Receipt",
    "backup",
    "create_roles",
    "gather_evidence",
    "held_by",
    "lift_hold",
    "migrate",
    "place_hold",
    "publish",
    "read_receipt",
    "recover",
    "rekey",
    "repair_feed",
    "rotate",
    "to_command",
    "to_file",
    "work",
]
