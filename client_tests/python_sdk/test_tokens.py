"""Keys exchanged for signed tokens, where client/config asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.harness.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server

INVALID_TOKEN = {"WWW-Authenticate": 'Bearer realm="tinker", error="invalid_token"'}


@pytest.fixture
def with_tokens(server_with: Callable[..., Server]) -> Iterator[Wire]:
    with Wire(server_with(client_config={"pjwt_auth_enabled": True}).url) as wire:
        yield wire


def train_once(service_client: Any, kit: Any) -> list[float]:
    return kit.steps(kit.trainer(service_client), 1)  # type: ignore[no-any-return]


def test_all_requests_carry_the_token_that_the_key_was_exchanged_for(sdk: Sdk, with_tokens: Wire) -> None:
    sdk.at(with_tokens.url).run(train_once)
    (exchange,) = with_tokens.of("auth/token")
    token = exchange.result["jwt"]
    by_key = {e.path for e in with_tokens.exchanges if e.headers["x-api-key"] == sdk.key}
    assert by_key == {"/api/v1/client/config", "/api/v1/auth/token"}
    assert {e.headers["x-api-key"] for e in with_tokens.exchanges} == {sdk.key, token}


def test_a_token_and_its_key_are_the_same_tenant(sdk: Sdk, with_tokens: Wire) -> None:
    sdk.at(with_tokens.url).run(train_once)
    runs = httpx.get(f"{with_tokens.url}/api/v1/training_runs", headers={"X-API-Key": sdk.key}).json()
    assert runs["cursor"]["total_count"] == 1


@pytest.mark.parametrize("path", ["create_session", "optim_step", "retrieve_future"])
def test_a_token_that_is_no_longer_valid_is_exchanged_again_and_the_request_repeated(
    sdk: Sdk, with_tokens: Wire, path: str
) -> None:
    with_tokens.spoil(path, status=401, headers=INVALID_TOKEN, forwarded=False)
    assert sdk.at(with_tokens.url).run(train_once) == sdk.run(train_once)
    assert len(with_tokens.of("auth/token")) == 2
    assert [exchange.status for exchange in with_tokens.of(path)][:2] == [401, 200]


@pytest.mark.parametrize("token", ["eyJhbGciOiJub25lIn0.e30.", "eyJ", "eyJ.x.y", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"])
def test_a_token_that_was_not_issued_here_is_answered_so_that_the_sdk_exchanges_again(
    with_tokens: Wire, token: str
) -> None:
    refused = httpx.get(f"{with_tokens.url}/api/v1/sessions", headers={"X-API-Key": token})
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_a_wrong_key_is_not_answered_so(with_tokens: Wire) -> None:
    refused = httpx.get(f"{with_tokens.url}/api/v1/sessions", headers={"X-API-Key": "sk-other"})
    assert refused.status_code == 401
    assert "WWW-Authenticate" not in refused.headers


def test_whoami_reads_the_token_and_fails_without_one(sdk: Sdk, with_tokens: Wire) -> None:
    def program(service_client: Any, kit: Any) -> list[str | None]:
        me = kit.rest(service_client).whoami().result()
        return [me.user_urn, me.org_urn, me.email]

    def program_without(service_client: Any, kit: Any) -> dict[str, Any]:
        return kit.raised(kit.rest(service_client).whoami().result)  # type: ignore[no-any-return]

    user, organisation, email = sdk.at(with_tokens.url).run(program)
    tenant = user.removeprefix("tml:user:")
    assert organisation == f"tml:organization:{tenant}"
    assert email == f"{tenant}@localhost"
    assert "whoami requires JWT auth" in sdk.run(program_without)["message"]


def test_a_command_can_print_the_credential_where_the_server_asks_for_that(
    sdk: Sdk, server_with: Callable[..., Server]
) -> None:
    strict = server_with(client_config={"pjwt_auth_enabled": True, "credential_default_source": "credential_cmd"})
    printed = f"{sdk.key}-printed"
    with Wire(strict.url) as wire:
        by_command = sdk.at(wire.url).knowing(TINKER_CREDENTIAL_CMD=f"echo {printed}")
        by_command.run(train_once)
        assert {exchange.headers["x-api-key"] for exchange in wire.of("auth/token")} == {printed}
        runs = httpx.get(f"{wire.url}/api/v1/training_runs", headers={"X-API-Key": printed}).json()
        assert runs["cursor"]["total_count"] == 1


def test_a_command_serves_without_any_key_too(sdk: Sdk, with_tokens: Wire) -> None:
    only_a_command = sdk.at(with_tokens.url).knowing(TINKER_API_KEY="", TINKER_CREDENTIAL_CMD=f"echo {sdk.key}")
    assert only_a_command.run(train_once) == sdk.run(train_once)
