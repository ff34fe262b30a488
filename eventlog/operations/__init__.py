"""What an operator does with a log: backups, migrations, roles, keys, erasures, holds, proofs.

May import: all of `eventlog`.
"""

from eventlog.operations.backup import backup
from eventlog.operations.bundles import check_evidence
from eventlog.operations.evidence import gather_evidence
from eventlog.operations.heads import publish, to_command, to_file
from eventlog.operations.holds import held_by, lift_hold, place_hold
from eventlog.operations.migration import migrate
from eventlog.operations.receipts import ErasedVersions, Receipt, read_receipt, receipt
from eventlog.operations.recovery import recover
from eventlog.operations.repair import Misplacement, repair_feed
from eventlog.operations.roles import create_roles
from eventlog.operations.rotation import rekey, rotate
from eventlog.operations.soundness import sign_head
from eventlog.operations.worker import work

__all__ = [
    "ErasedVersions",
    "Misplacement",
    "Receipt",
    "backup",
    "check_evidence",
    "create_roles",
    "gather_evidence",
    "held_by",
    "lift_hold",
    "migrate",
    "place_hold",
    "publish",
    "read_receipt",
    "receipt",
    "recover",
    "rekey",
    "repair_feed",
    "rotate",
    "sign_head",
    "to_command",
    "to_file",
    "work",
]
