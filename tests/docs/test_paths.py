"""What documents, docstrings and messages name is there: files, anchors, modules, names."""

import posixpath
import re
from typing import Final

import pytest

from eventlog.store.contract.revisions import VERSION_TABLE
from eventlog.store.sql.schema import metadata
from tests.docs import pages

DOCUMENTS: Final = pages.documents()
TABLES: Final = {VERSION_TABLE, *metadata("postgresql").tables}
"""In SQL they are named with the log's schema, which looks like a package."""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_of_a_document_is_there(name: str) -> None:
    """From the root of the repository, so that it can be opened as it is written."""
    said = pages.text(name)
    assert [path for path in pages.paths(said) if not pages.exists(path)] == []
    assert [path for path in pages.files(said) if not _is_file(path)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_of_a_document_leads_somewhere(name: str) -> None:
    """To a file, and to a heading of it."""
    found = pages.links(pages.text(name))
    assert [link for link in found if not _leads_somewhere(name, *link)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_module_that_a_document_names_can_be_imported(name: str) -> None:
    """And has what is said to be in it; the imports of its programs too."""
    said = pages.text(name)
    named = pages.dotted(said)
    for code in pages.blocks(said, "python"):
        named += pages.imported(code)
    assert [each for each in named if not _is_known(each)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_test_that_a_document_names_is_one(name: str) -> None:
    """What attacks a promise can be run by its name."""
    named = re.findall(r"`(test_\w+)`", pages.text(name))
    assert [each for each in named if each not in pages.tests()] == []


@pytest.mark.parametrize("name", pages.sources())
def test_what_the_source_tells_people_is_there(name: str) -> None:
    """Paths of docstrings, comments and messages; modules of docstrings and comments."""
    said = pages.text(name)
    assert [path for path in pages.paths(said) if not pages.exists(path)] == []
    assert [each for each in pages.dotted(pages.prose(said)) if not _is_known(each)] == []


def _leads_somewhere(name: str, path: str, anchor: str) -> bool:
    here = posixpath.dirname(name)
    target = posixpath.normpath(posixpath.join(here, path)) if path else name
    if target not in pages.tracked():
        return False
    return not anchor or anchor in pages.anchors(pages.text(target))


def _is_file(path: str) -> bool:
    return path in pages.tracked() or ("/" not in path and _has_name(path))


def _has_name(name: str) -> bool:
    return any(path.endswith(f"/{name}") for path in pages.tracked())


def _is_known(name: str) -> bool:
    if pages.is_importable(name) or name in pages.quoted_names():
        return True
    schema, _, table = name.partition(".")
    return schema == "eventlog" and table in TABLES
