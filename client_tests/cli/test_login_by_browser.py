"""`tinker auth login` of SDK 0.26 to 0.28, which goes through a browser; newer releases ask for a key."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.harness.cli import Cli

if TYPE_CHECKING:
    from pathlib import Path

    from client_tests.harness.server import Server

VERSION = "0.28.0"


@pytest.fixture
def browser(server: Server, tmp_path: Path) -> Cli:
    """The command of such a release without any key, told where to log in as `tinker-mock env` tells it."""
    environment = {"TINKER_WORKOS_API_URL": f"{server.url}/login"}
    return Cli(server.url, None, tmp_path, environment, version=VERSION)


def stored(cli: Cli) -> dict[str, Any]:
    """The one key that a login left in the home directory."""
    (record,) = json.loads((cli.home / ".tinker" / "credentials.json").read_text())["keys"].values()
    return dict(record)


def test_a_login_brings_a_key_that_works_until_the_logout_deletes_it(browser: Cli) -> None:
    told = browser.table("auth", "login")
    key = stored(browser)["key"]
    assert f"Logged in as {stored(browser)['details']['user_details']['email']} (tinker-mock)" in told
    page = re.search(r"Open this URL to log in: (\S+)", told)
    assert page is not None
    assert "Go back to your terminal" in httpx.get(page[1]).raise_for_status().text
    assert browser.json("run", "list") == {"runs": []}
    assert "deleted its API key on the server" in browser.table("auth", "logout")
    assert "was deleted" in browser.as_tenant(key).refused("run", "list")


def test_each_login_is_a_tenant_of_its_own(server: Server) -> None:
    def logged_in() -> Any:
        grant = httpx.post(f"{server.url}/login/user_management/authorize/device", data={"client_id": "c"}).json()
        form = {"client_id": "c", "device_code": grant["device_code"], "grant_type": "device_code"}
        token = httpx.post(f"{server.url}/login/user_management/authenticate", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        body = {"name": "laptop", "note": ""}
        again = [httpx.post(f"{server.url}/api/v1/auth/apikey", json=body, headers=headers).json() for _ in range(2)]
        assert again[0] == again[1]
        return again[0]

    first, second = logged_in(), logged_in()
    assert first["api_key"] != second["api_key"]
    me = httpx.get(f"{server.url}/api/v1/auth/apikey/me", headers={"X-API-Key": first["api_key"]}).json()
    assert (me["key_id"], me["details"]) == (first["id"], first["details"])


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer tml-local"}, {"X-API-Key": "tml-local"}])
def test_a_key_makes_no_further_keys(server: Server, authorization: dict[str, str]) -> None:
    refused = httpx.post(f"{server.url}/api/v1/auth/apikey", json={"name": "n", "note": ""}, headers=authorization)
    assert (refused.status_code, refused.json()["category"]) == (401, "user")


def test_a_device_code_of_elsewhere_is_refused(server: Server) -> None:
    form = {"client_id": "c", "device_code": "eyJ.x.y"}
    refused = httpx.post(f"{server.url}/login/user_management/authenticate", data=form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
