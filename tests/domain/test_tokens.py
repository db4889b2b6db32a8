"""Tokens: only those of this server, and only while they last."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import new

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.domain.tokens import LIFETIME_SECONDS, InvalidToken, issue, tenant_of_token

SECRET = b"s" * 32
NOW = 1_700_000_000.5
TOKEN = issue("alice", SECRET, NOW)


def now(tenant: str) -> float:
    assert tenant == "alice"
    return NOW


def packed(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, object]:
    claims: dict[str, object] = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def test_a_token_stands_for_its_tenant() -> None:
    assert tenant_of_token(TOKEN, SECRET, now) == "alice"


def test_a_token_says_what_the_sdk_reads() -> None:
    claims = claims_of(TOKEN)
    assert claims["exp"] == int(NOW) + LIFETIME_SECONDS
    assert claims["iat"] == int(NOW)
    assert {"sub", "org_id", "email"} <= claims.keys()
    assert TOKEN.startswith("eyJ")  # by which a door tells it from a key


@pytest.mark.parametrize(("later", "valid"), [(0, True), (LIFETIME_SECONDS - 1, True), (LIFETIME_SECONDS, False)])
def test_a_token_lasts_an_hour_of_the_servers_clock(later: float, valid: bool) -> None:
    if valid:
        assert tenant_of_token(TOKEN, SECRET, lambda _: NOW + later) == "alice"
    else:
        with pytest.raises(InvalidToken, match="has expired: exchange the API key again"):
            tenant_of_token(TOKEN, SECRET, lambda _: NOW + later)


def test_a_token_of_another_server_is_none() -> None:
    with pytest.raises(InvalidToken, match="was not issued by this server"):
        tenant_of_token(TOKEN, b"t" * 32, now)


def test_nobody_can_name_another_tenant_or_a_later_end() -> None:
    header, claims, signature = TOKEN.split(".")
    forged = packed({**claims_of(TOKEN), "tenant": "bob", "exp": 2**40})
    for token in (f"{header}.{forged}.{signature}", f"{header}.{forged}.", f"{header}.{claims}.{signature}x"):
        with pytest.raises(InvalidToken, match="was not issued"):
            tenant_of_token(token, SECRET, now)


@pytest.mark.parametrize("algorithm", ["none", "None", "HS512", "RS256"])
def test_a_token_can_choose_no_algorithm(algorithm: str) -> None:
    signed = f"{packed({'alg': algorithm, 'typ': 'JWT'})}.{TOKEN.split('.')[1]}"
    sha = urlsafe_b64encode(new(b"", signed.encode(), sha256).digest()).rstrip(b"=").decode()
    for signature in ("", sha, TOKEN.split(".")[2]):
        with pytest.raises(InvalidToken):
            tenant_of_token(f"{signed}.{signature}", SECRET, now)


@given(st.text() | st.from_regex(r"eyJ[^.]*\.[^.]*\.[^.]*", fullmatch=True))
def test_no_text_is_a_token_by_chance_or_breaks_the_door(text: str) -> None:
    with pytest.raises(InvalidToken):
        tenant_of_token(text, SECRET, now)


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="latin-1"))
def test_a_token_with_any_letter_changed_is_none(at: int, letter: str) -> None:
    changed = TOKEN[:at] + letter + TOKEN[at + 1 :]
    if changed != TOKEN:
        with pytest.raises(InvalidToken):
            tenant_of_token(changed, SECRET, now)
