"""The script of a file that stands alone is the modules of the pages, put together."""

import re
from collections import Counter

from eventlog_web import bundle


def test_names_are_unique_over_all_modules() -> None:
    """Together they are one module: no name may be declared in two of them."""
    declared = re.findall(
        r"^(?:async )?(?:const|let|class|function\*?) (\w+)",
        bundle.script("share.js"),
        re.MULTILINE,
    )
    assert not [name for name, count in Counter(declared).items() if count > 1]


def test_nothing_is_left_of_imports() -> None:
    """Each import is one line of the form that is replaced."""
    assert not re.search(r"^(?:import|export)\b", bundle.script("share.js"), re.MULTILINE)
