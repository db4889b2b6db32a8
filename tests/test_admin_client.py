"""The control plane's client: what it asks arrives, and what is refused or not there is said in words."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from client_tests.harness.server import serving
from mock_server.admin_client import AdminClient, AdminError

if TYPE_CHECKING:
    from collections.abc import Iterator

RULE = {"operation": "optim_step", "phase": "after_commit", "effect": "reset"}
TOKEN = "open sesame"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving({"admin_token": TOKEN}) as server:
        yield server.url


def test_it_asks_and_hears(url: str) -> None:
    client = AdminClient(url + "/", TOKEN)
    added = client.ask("POST", "/faults", {"rule": RULE})
    assert added["rule"]["operation"] == ["optim_step"]
    assert added["id"] in [each["id"] for each in client.get("/faults", api_key=None)["faults"]]
    assert client.ask("DELETE", f"/faults/{added['id']}") is None


def test_a_refusal_is_what_the_server_said(url: str) -> None:
    with pytest.raises(AdminError, match="'rest'") as refused:
        AdminClient(url, TOKEN).ask("POST", "/faults", {"rule": RULE | {"effect": "rest"}})
    assert refused.value.status == 400


def test_a_wrong_token_is_refused(url: str) -> None:
    with pytest.raises(AdminError, match="X-Admin-Token") as refused:
        AdminClient(url, "guess again").get("/faults")
    assert refused.value.status == 401


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(AdminError, match="is the server running there") as refused:
        AdminClient(address).get("/faults")
    assert refused.value.status is None
