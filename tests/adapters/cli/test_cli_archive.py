"""Closing a conversation from the command line."""

import json

from tests.adapters.cli.conftest import Eventlog
from tests.backends import Backend


async def test_an_archived_conversation_is_marked_and_takes_nothing(
    filled: Backend, eventlog: Eventlog
) -> None:
    """Until it is opened again; who did it, and why, is in its log."""
    done = eventlog("archive", "order-1042", "--reason", "delivered", "--actor", "lin")
    assert done.exit_code == 0, done.output
    assert "unarchive" in done.output
    shown = eventlog("sessions").output.splitlines()
    assert ["[archived]" in line for line in shown if "order-" in line] == [True, False]
    (first, _) = eventlog("--json", "sessions").output.splitlines()
    assert json.loads(first)["archived_at"] is not None
    refused = eventlog("undo", "order-1042")
    assert (refused.exit_code, "was archived" in refused.output) == (1, True)
    assert eventlog("archive", "order-1042").exit_code == 0
    assert eventlog("unarchive", "order-1042").exit_code == 0
    assert eventlog("undo", "order-1042").exit_code == 0
    async with filled.open() as log:
        (archived,) = await log.read("order-1042", kind="archived").all()
        assert archived.context.actor == "lin"
