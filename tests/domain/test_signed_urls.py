from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.domain.signed_urls import UrlRefused, reader_of, signed

SECRET = b"secret"
PATH = "/api/v1/downloads/sess:train:0/weights/ck~1@a+b,c=d/archive.tar"
NOW = 1_000_000.0


def parts(address: str) -> tuple[str, dict[str, str]]:
    """Path and query as a server sees them."""
    url = urlsplit(address)
    return unquote(url.path), {name: values[0] for name, values in parse_qs(url.query).items()}


ADDRESS = parts(signed(PATH, "tenant", SECRET, int(NOW) + 900))


def test_an_address_lets_its_reader_in_until_it_expires() -> None:
    path, query = ADDRESS
    assert path == PATH
    assert reader_of(path, query, SECRET, lambda _: NOW) == "tenant"
    assert reader_of(path, query, SECRET, lambda _: NOW + 899.9) == "tenant"
    with pytest.raises(UrlRefused, match="expired 0 seconds ago"):
        reader_of(path, query, SECRET, lambda _: NOW + 900)
    with pytest.raises(UrlRefused, match="expired 3600 seconds ago"):
        reader_of(path, query, SECRET, lambda _: NOW + 4500)


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "another"},
        {"expires": str(int(NOW) + 901)},
        {"expires": f"0{int(NOW) + 900}"},
        {"signature": "0" * 64},
        {"signature": "ünsigned"},
        {"tenant": ""},
    ],
)
def test_nothing_signed_can_be_changed(change: dict[str, str]) -> None:
    path, query = ADDRESS
    with pytest.raises(UrlRefused, match="belongs to another path, tenant or expiry, or is forged"):
        reader_of(path, query | change, SECRET, lambda _: NOW)


@given(st.text(max_size=80).filter(lambda path: path != PATH))
def test_it_is_good_for_its_own_path_only(path: str) -> None:
    with pytest.raises(UrlRefused):
        reader_of(path, ADDRESS[1], SECRET, lambda _: NOW)


def test_another_server_does_not_know_it() -> None:
    with pytest.raises(UrlRefused):
        reader_of(*ADDRESS, b"another secret", lambda _: NOW)


@pytest.mark.parametrize("query", [{}, {"tenant": "tenant"}, {"expires": "9999999999", "signature": ""}])
def test_without_a_signature_it_says_where_to_get_one(query: dict[str, str]) -> None:
    with pytest.raises(UrlRefused, match="carries no signature: ask for one at"):
        reader_of(PATH, query, SECRET, lambda _: NOW)
