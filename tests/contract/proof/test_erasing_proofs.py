"""What was proved before an erasure is proved after it."""

import json
from pathlib import Path
from typing import Final

from eventlog.operations import gather_evidence, read_receipt
from eventlog_projections import Conversation, erase, erase_event
from tests.backends import Backend
from tests.contract.disposal.test_erasing import WHY
from tests.contract.proof.test_evidence import SIGNER, verify

NAMES: Final = ("chat", "child", "other")


async def test_every_head_and_every_bundle_still_verify(erasable: Backend, tmp_path: Path) -> None:
    """Heads and evidence from before, from between and from after; and what a receipt names."""
    async with erasable.open() as log:
        chat, other = Conversation(log, "chat"), Conversation(log, "other")
        for text in ("one", "two", "three"):
            await chat.add([text])
            await other.add([text])
        await chat.fork("child")
        heads = [await log.tree.head(SIGNER)]
        path = tmp_path / "bundle.json"
        path.write_bytes(await gather_evidence(log, heads[0], dict.fromkeys(NAMES)))
        await erase_event(log, "other", 2, **WHY)
        heads.append(await log.tree.head(SIGNER))
        done = await erase(log, "chat", **WHY, signer=SIGNER)
        heads.append(await log.tree.head(SIGNER))
        for head in heads:
            against = SIGNER.verifier.open(head.note)
            assert (await log.verify(against=against, key=SIGNER.verifier)).ok
        assert (await verify(path))[0] == 0
        path.write_bytes(await gather_evidence(log, heads[0], dict.fromkeys(NAMES)))
        status, output = await verify(path)
        assert (status, output.count("withheld or erased")) == (0, 5), output
        path.write_bytes(await gather_evidence(log, heads[2], dict.fromkeys(NAMES)))
        assert (await verify(path))[0] == 0
        shown = {one["name"]: one for one in json.loads(path.read_bytes())["conversations"]}
        for one in read_receipt(done.receipt or "", SIGNER.verifier).streams:
            proof = await log.tree.prove_inclusion(one.name, one.version, heads[2].size)
            assert proof.position <= heads[2].size
            event = shown[one.name]["events"][one.version - 1]
            assert (event["version"], event["kind"]) == (one.version, "erased")
