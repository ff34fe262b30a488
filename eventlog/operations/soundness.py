"""What destroys or signs, proves first: that conversations, or the log, are as they were written.

An erasure, and a head signed afterwards, would otherwise make what was changed behind the log's
back look as if it had always been so.
"""

from collections.abc import Iterable

from eventlog.errors import (
    BeyondEndError,
    BrokenTreeError,
    CorruptEventError,
    ErasedError,
    KeyDestroyedError,
    NoKeyError,
    UnsoundError,
    WrongKeyError,
)
from eventlog.feed.trail import check_reached
from eventlog.format import chain
from eventlog.format.envelope import RecordedEvent
from eventlog.format.names import MAIN
from eventlog.format.records import Head, SignedHead, StoredEvent
from eventlog.log import EventLog
from eventlog.paging import PAGE
from eventlog.proof.checkpoint import Signer, TreeHead
from eventlog.verify import diagnosis
from eventlog.verify.faults import Fault


async def refuse_unsound(log: EventLog, names: Iterable[str], doing: str) -> None:
    """Raise UnsoundError unless conversations verify, with their branches, and their contents open.

    What is encrypted is opened where the log has a keyring. `doing` says what was not done.
    """
    for name in names:
        faults = [str(fault) for fault in (await log.verify(name)).faults]
        faults = faults or await _closed(log, name)
        if faults:
            raise UnsoundError(name, tuple(faults), doing)


async def sign_head(log: EventLog, signer: Signer, *, since: TreeHead | None = None) -> SignedHead:
    """Sign and store a head, as `log.tree.head` does, of a log that verifies.

    Reads all that this tenant has, or with a head that was kept elsewhere what came since. Raises
    UnsoundError, BrokenTreeError or StoreError: nothing was signed.
    """
    return await HeadSigner(log, signer, since=since).sign()


async def sign_covering(log: EventLog, signer: Signer) -> SignedHead:
    """Sign and store a head for evidence of some conversations, which are checked one by one.

    A conversation that is not sound keeps no other from being proved; a feed, tree or older head
    that is not, does. Raises UnsoundError, BrokenTreeError or StoreError.
    """
    found = await log.verify()
    faults = [str(fault) for fault in found.faults if fault.position is not None]
    if faults:
        raise UnsoundError(None, tuple(faults), "No head was signed, and nothing was erased")
    return await log.tree.head(signer)


class HeadSigner:
    """Signs heads of a log that is sound: the first after it was verified, the next of what came.

    With `since`, the first after what came since that head was.

    What came is the events behind the last head, each held against the one before it; that an older
    one was changed meanwhile, the next verification finds. What was signed here is continued, or
    nothing is signed: a database that was put back has lost the heads that it stored, too.
    """

    def __init__(self, log: EventLog, signer: Signer, *, since: TreeHead | None = None) -> None:
        self._log = log
        self._signer = signer
        self._since = since
        self._checked: int | None = None
        self._last: SignedHead | None = None

    async def sign(self) -> SignedHead:
        """Sign and store a head. Raises as `sign_head` does."""
        end = await self._log.position()
        if self._checked is None:
            faults = [str(fault) for fault in (await self._log.verify(since=self._since)).faults]
        else:
            faults = await self._faults_behind(self._checked, end)
        if faults:
            raise UnsoundError(None, tuple(faults), "No head was signed")
        self._checked = end
        if self._last is not None:
            await self._refuse_other_history(self._last, end)
        self._last = await self._log.tree.head(self._signer)
        return self._last

    async def _refuse_other_history(self, last: SignedHead, end: int) -> None:
        """Raise BrokenTreeError unless the log begins with what was signed last."""
        try:
            await check_reached(self._log.spi.store.feed, last.size, end, "Whoever signs heads")
        except BeyondEndError as error:
            raise BrokenTreeError(f"The log does not continue what was signed: {error}") from error
        await self._log.tree.extend()
        if await self._log.tree.root(last.size) != last.root:
            raise BrokenTreeError(
                f"The log does not continue the head of {last.size} positions that was signed here"
            )

    async def _faults_behind(self, position: int, end: int) -> list[str]:
        """Return the first fault of what came, of any tenant's that this role sees."""
        feed = self._log.spi.store.feed
        heads: dict[bytes, Head] = {}
        while position < end:
            until = min(position + PAGE, end)
            rows = await feed.every_page(position, until, PAGE)
            for at, _, name, branch, *fields in rows:
                event = StoredEvent._make(fields)
                before = heads.get(event.stream_id) or await self._before(event)
                finding = diagnosis.check(before, event)
                if finding is not None:
                    return [str(Fault(name, event.version, *finding, branch, at))]
                heads[event.stream_id] = Head(event.version, event.hash, event.recorded_at)
            position = rows[-1][0] if rows else until
        return []

    async def _before(self, event: StoredEvent) -> Head:
        """Return the head that an event was appended to, as the event before it says."""
        last = event.version - 1
        events = self._log.spi.store.events
        for before in await events.page(event.stream_id, last - 1, last, 1):
            return Head(before.version, before.hash, before.recorded_at)
        return chain.GENESIS


async def _closed(log: EventLog, name: str) -> list[str]:
    """Return why the first content does not open that should, of each branch."""
    branches = [MAIN, *[row.branch for row in await log.branches(name).all()]]
    found: list[str] = []
    for branch in branches:
        try:
            async for event in log.read(name, branch=branch):
                _open(event)
        except NoKeyError:
            continue  # It is proved as it is stored.
        except (CorruptEventError, KeyDestroyedError, WrongKeyError) as error:
            found.append(str(error))
    return found


def _open(event: RecordedEvent) -> None:
    try:
        _ = event.event, event.context
    except KeyDestroyedError:
        raise
    except ErasedError:
        return
