"""What is asked is checked like what is written: one typed error, the same on every database."""

from collections.abc import Callable
from typing import Final

import pytest

from eventlog import EventLog, InvalidInputError, ItemsAdded
from eventlog_projections import Conversation
from tests.backends import Backend
from tests.contract.log import questions
from tests.contract.log.tenant_reads import first_words, public

LONGEST: Final = 1500
"""Characters of a message: it repeats no more of what was asked."""


def test_every_public_method_is_listed() -> None:
    """Who adds one says here what cannot be asked of it."""
    log = EventLog(":memory:")
    for of, asked in ((EventLog, questions.of_log), (Conversation, questions.of_conversation)):
        listed = first_words(asked(log)) - {"Conversation"}
        known = {name for name in public(of) if name not in ("log", "spi", "tenant")}
        assert known == listed | questions.OTHERWISE[of], of


@pytest.mark.parametrize("group", questions.GROUPS, ids=lambda group: str(group.__name__))
async def test_what_cannot_be_asked_is_a_typed_error(
    backend: Backend, group: Callable[[EventLog], questions.Questions]
) -> None:
    """NUL, lone surrogates, 2**63, 5,000 digits, other types; and nothing is stored."""
    async with backend.open() as log:
        await log.append(questions.NAME, [ItemsAdded([{"role": "user", "content": "hi"}])])
        wrong: list[str] = []
        for what, (ask, values) in group(log).items():
            for bad in values:
                try:
                    became = f"answered {await ask(bad)!r}"
                except InvalidInputError as error:
                    became = "" if len(str(error)) < LONGEST else f"{error}"
                except Exception as error:  # noqa: BLE001 - all of them are told
                    became = f"{type(error).__name__}: {error}"
                wrong += [f"{what}, {shown(bad)}: {became}"[:200]] if became else []
        assert not wrong, "\n".join(wrong)
        assert await log.version(questions.NAME) == 1
        assert [row.name async for row in log.streams(branches=True)] == [questions.NAME]


def shown(value: object) -> str:
    return "a huge number" if isinstance(value, int) and abs(value) > 2**70 else repr(value)[:40]
