"""A URL of a database means what SQLAlchemy says that it means, without SQLAlchemy."""

from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from eventlog.addresses.log import parse
from eventlog.addresses.url import Url
from eventlog.errors import InvalidAddressError

URLS: Final = [
    "postgresql://",
    "postgresql:///db",
    "postgresql://host",
    "postgresql://host/",
    "postgresql://host:5433/db",
    "postgresql+asyncpg://ana:s%40crt@host:5433/db?ssl=require",
    "postgresql://ana@host/db",
    "postgresql://ana:@host/db",
    "postgresql://:secret@host/db",
    "postgresql://@host/db",
    "postgresql://a@b@host/db",
    "postgresql://ana:p/w?x@host/db",
    "postgresql://[::1]:5432/db",
    "postgresql://[fe80::1%25eth0]/db",
    "postgresql:///db?host=/var/run/postgresql&port=5433",
    "postgresql:///db?host=a:1&host=b:2",
    "postgresql://host/a%20b%2Fc?options=-csearch_path%3Dx&application_name=a+b&empty=",
    "postgresql://host?sslmode=require",
    "postgresql://host/d%C3%BC?x=%F0%9F%98%80",
    "sqlite://",
    "sqlite:////data/a b@c:d.db?timeout=3",
    "sqlite:///C:/data/log.db",
]

TEXT: Final = st.text(min_size=1, max_size=8)


def rendered(text: str, *, hide_password: bool) -> str:
    """What SQLAlchemy makes of it."""
    url = make_url(text).set(drivername="postgresql")
    return url.render_as_string(hide_password=hide_password)


@pytest.mark.parametrize("text", URLS)
@pytest.mark.parametrize("hide_password", [True, False])
def test_a_url_is_read_and_written_as_sqlalchemy_does(text: str, hide_password: bool) -> None:
    """The text names who shares a connection, so it is the same to the letter."""
    url = Url.parse(text)
    assert url.render(hide_password=hide_password) == rendered(text, hide_password=hide_password)
    assert url.database == make_url(text).database


@given(TEXT, TEXT, TEXT, TEXT, st.integers(1, 65535))
def test_whatever_is_escaped_comes_back(
    user: str, password: str, database: str, option: str, port: int
) -> None:
    """Names and passwords of any text; as SQLAlchemy writes them."""
    said = [quote(part, safe="", errors="replace") for part in (user, password, database, option)]
    text = f"postgresql://{said[0]}:{said[1]}@host:{port}/{said[2]}?option={said[3]}"
    url = Url.parse(text)
    assert url.render(hide_password=False) == rendered(text, hide_password=False)
    assert Url.parse(url.render(hide_password=False)) == url


@pytest.mark.parametrize("port", ["", "x", "1,other:2"])
def test_a_port_that_is_no_number_is_refused(port: str) -> None:
    """With the form that a URL has."""
    with pytest.raises(InvalidAddressError, match="cannot be read"):
        parse(f"postgresql://host:{port}/db", "eventlog")
