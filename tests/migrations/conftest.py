"""Databases on which these tests make the log themselves."""

import pytest

from tests.backends import Backend


@pytest.fixture
def backend(blank: Backend) -> Backend:
    """A database without a log, on every backend."""
    return blank
