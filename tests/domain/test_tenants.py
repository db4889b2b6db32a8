"""Tenants: which keys there are, and which tenant each is."""

from hashlib import sha256

import pytest

from mock_server.domain.tenants import tenant_of, valid_key


@pytest.mark.parametrize("key", ["tml-a", "tml-local", "tml-A_b.c-9", "tml-" + "x" * 252])
def test_every_key_of_the_official_form_works(key: str) -> None:
    assert valid_key(key)


@pytest.mark.parametrize(
    "key", ["", "tml-", "tml", "sk-abc", "TML-a", "tml-a b", "tml-a\n", "tml-ä", "tml-" + "x" * 253]
)
def test_no_other_key_does(key: str) -> None:
    assert not valid_key(key)


def test_a_tenant_is_named_by_its_keys_digest() -> None:
    assert tenant_of("tml-local") == sha256(b"tml-local").hexdigest()[:16]
    assert tenant_of("tml-other") != tenant_of("tml-local")
