"""What the control plane says of the server, of its tenants, and of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from mock_server import __version__
from mock_server.api.admin import openapi
from mock_server.app import create_app
from mock_server.domain.tenants import tenant_of
from mock_server.settings import Settings
from tests.api.live_app import KEY, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

OPERATIONS = [
    (method.upper(), path, operation) for path, item in openapi()["paths"].items() for method, operation in item.items()
]


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


async def test_health_tells_what_the_server_is_busy_with(app: LiveApp) -> None:
    rule = {"operation": "forward", "phase": "before_handler", "effect": {"status": {"status": 503}}}
    await app.new_run()
    await app.client.post("/__admin/faults", json={"rule": rule})
    health = (await app.client.get("/__admin/health")).json()
    assert (health["status"], health["version"], health["seed"]) == ("ok", __version__, 11)
    assert (health["faults"], health["operations"], health["journal"]["exchanges"]) == (1, 1, 3)
    assert (await app.client.get("/__admin/version")).json() == {"version": __version__}


async def test_tenants_are_listed_by_their_ids(app: LiveApp) -> None:
    assert (await app.client.get("/__admin/tenants")).json() == {"tenants": []}
    run = await app.new_run()
    await app.save(run, "one", 1)
    await app.ask("create_session", "tml-other", tags=[])
    await app.call("DELETE", "auth/apikey/me", key="tml-other")
    listed = (await app.client.get("/__admin/tenants")).json()["tenants"]
    shown = ("tenant", "sessions", "training_runs", "checkpoints", "key_deleted")
    assert [tuple(each[name] for name in shown) for each in listed] == [
        (tenant_of(KEY), 1, 1, 1, False),
        (tenant_of("tml-other"), 1, 0, 0, True),
    ]


async def test_the_control_plane_describes_itself_and_is_no_part_of_the_contract(app: LiveApp) -> None:
    document = (await app.client.get("/__admin/openapi.json")).json()
    assert document == openapi()
    contract = (await app.client.get("/openapi.json")).json()
    assert not [path for path in contract["paths"] if "__admin" in path]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=lambda value: str(value)[:60])
def test_every_operation_is_described_under_a_name_of_its_own(
    method: str, path: str, operation: dict[str, object]
) -> None:
    assert operation["description"]
    assert operation["tags"]
    assert [each["operationId"] for _, _, each in OPERATIONS].count(operation["operationId"]) == 1


async def test_none_of_it_answers_to_strangers(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path))
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1234))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://server.test") as http,
    ):
        for method, path, _ in OPERATIONS:
            assert (await http.request(method, path)).status_code == 403, (method, path)
