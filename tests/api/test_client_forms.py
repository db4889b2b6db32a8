"""Each client gets the form that it takes; what it asked for is done all the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.api.tinker.client_forms import FORMS, NEWEST, Forms, chosen, client_of
from tests.api.live_app import LiveApp, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TINKEX = {"User-Agent": "AsyncTinkex/Elixir 0.15.0", "x-stainless-runtime": "BEAM"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


def sdk(version: str) -> dict[str, str]:
    return {"User-Agent": f"AsyncTinker/Python {version}", "x-stainless-runtime": "CPython"}


def named(agent: str, runtime: str = "") -> str:
    return chosen(*client_of(agent, runtime)).clients


@pytest.mark.parametrize(
    ("version", "clients"),
    [
        ("0.3.0", "SDK before 0.19"),
        ("0.18.2", "SDK before 0.19"),
        ("0.19.0", "SDK 0.19 to 0.24"),
        ("0.24.1", "SDK 0.19 to 0.24"),
        ("0.25.0", "SDK 0.25 to 0.27"),
        ("0.27.2", "SDK 0.25 to 0.27"),
        ("0.28.0", "SDK 0.28 and newer, and everything else"),
        ("0.38.0", "SDK 0.28 and newer, and everything else"),
        ("0.28.0rc1", "SDK 0.28 and newer, and everything else"),
        ("1.0", "SDK 0.28 and newer, and everything else"),
        ("unknown", "SDK 0.28 and newer, and everything else"),
    ],
)
def test_a_version_has_its_line(version: str, clients: str) -> None:
    assert named(f"AsyncTinker/Python {version}") == clients
    assert named(f"Tinker/Python {version}") == clients


@pytest.mark.parametrize(
    ("agent", "runtime", "clients"),
    [
        ("AsyncTinkex/Elixir 0.15.0", "BEAM", "Tinkex"),
        ("AsyncTinkex/Elixir 9.0", "", "Tinkex"),
        ("a proxy's own", "beam", "Tinkex"),
        ("", "", "SDK 0.28 and newer, and everything else"),
        ("python-httpx/0.28.1", "CPython", "SDK 0.28 and newer, and everything else"),
        ("NotAsyncTinker/Python 0.3.0", "", "SDK 0.28 and newer, and everything else"),
        ("AsyncTinker/Python", "", "SDK 0.28 and newer, and everything else"),
    ],
)
def test_a_client_is_known_by_its_name_or_its_runtime(agent: str, runtime: str, clients: str) -> None:
    assert named(agent, runtime) == clients


def test_every_line_is_reached_by_some_client_and_the_last_takes_the_rest() -> None:
    def just_before(forms: Forms) -> tuple[int, ...] | None:
        return None if forms.before is None else (*forms.before[:-1], forms.before[-1] - 1)

    assert [chosen(forms.product, just_before(forms)) for forms in FORMS] == list(FORMS)
    assert (FORMS[-1].product, FORMS[-1].before) == (None, None)


async def failed_load(server: LiveApp, headers: dict[str, str]) -> Any:
    """The answer for a load of what does not exist."""
    run = await server.new_run()
    load = await server.ask("load_weights", model_id=run, seq_id=1, path=f"tinker://{run}/weights/no")
    answer = await server.call("POST", "retrieve_future", {"request_id": load["request_id"]}, headers=headers)
    assert answer.status_code == 200
    return answer.json()


async def test_a_failure_is_told_as_its_reader_takes_it(server: LiveApp) -> None:
    python, tinkex = await failed_load(server, sdk("0.38.0")), await failed_load(server, TINKEX)
    assert "does not exist" in python["error"]
    assert python["category"] == "user"
    assert "status" not in python
    assert tinkex["status"] == "failed"
    assert tinkex["error"] == {"message": tinkex["error"]["message"], "category": "user"}
    assert "does not exist" in tinkex["error"]["message"]


@pytest.mark.parametrize(("headers", "status"), [(sdk("0.38.0"), 408), (sdk("0.3.0"), 408), ({}, 408), (TINKEX, 200)])
async def test_not_yet_is_told_as_its_reader_waits(server: LiveApp, headers: dict[str, str], status: int) -> None:
    run = await server.new_run()
    settings = server.app.state.settings
    server.app.state.settings = settings.model_copy(update={"poll_seconds": 0.01})
    # Its turn comes after number 1, which nobody sent.
    request_id = (await server.ask("optim_step", model_id=run, seq_id=2))["request_id"]
    answer = await server.call("POST", "retrieve_future", {"request_id": request_id}, headers=headers)
    assert answer.status_code == status
    assert answer.json()["type"] == "try_again"
    assert answer.json()["request_id"] == request_id


@pytest.mark.parametrize(
    ("headers", "told"),
    [(sdk("0.26.2"), False), (sdk("0.27.0"), False), (TINKEX, False), (sdk("0.28.0"), True), ({}, True)],
)
async def test_who_does_not_know_external_weights_is_told_of_none_in_page_nor_total(
    server: LiveApp, headers: dict[str, str], told: bool
) -> None:
    run = await server.new_run()
    for seq_id, name in enumerate(("a", "b", "c"), 1):
        await server.save(run, name, 2 * seq_id - 1, "save_weights_external")
        await server.save(run, name, 2 * seq_id)
    expected = 6 if told else 3
    for path in ("checkpoints", f"training_runs/{run}/checkpoints"):
        seen: list[str] = []
        for offset in range(0, expected, 2):
            answer = await server.call("GET", f"{path}?limit=2&offset={offset}", headers=headers)
            page = answer.json()
            assert page["cursor"]["total_count"] == expected
            seen += [row["checkpoint_type"] for row in page["checkpoints"]]
        assert len(seen) == expected
        assert ("external" in seen) is told


@pytest.mark.parametrize(("version", "rust"), [("0.18.0", True), ("0.22.0", False), ("0.25.0", True), ("0.38.0", True)])
async def test_the_transport_that_loses_archives_is_switched_off(server: LiveApp, version: str, rust: bool) -> None:
    answer = await server.call("POST", "client/config", {"sdk_version": version}, headers=sdk(version))
    assert answer.json()["use_pyqwest_transport"] is rust


async def test_the_operators_flag_goes_before_the_tables(tmp_path: Path) -> None:
    async with live_app(tmp_path, client_config={"use_pyqwest_transport": True}) as server:
        answer = await server.call("POST", "client/config", {"sdk_version": "0.22.0"}, headers=sdk("0.22.0"))
        assert answer.json()["use_pyqwest_transport"] is True


async def test_a_version_that_nobody_tried_is_served_and_warned_of_once(
    server: LiveApp, caplog: pytest.LogCaptureFixture
) -> None:
    new = f"{NEWEST['sdk'][0]}.{NEWEST['sdk'][1] + 1}.0"
    with caplog.at_level(logging.WARNING, logger="mock_server.api.tinker.client_forms"):
        for headers in (sdk(new), sdk(new), sdk("not-a-version"), TINKEX, sdk("0.38.0"), {}):
            assert (await server.call("GET", "checkpoints", headers=headers)).status_code == 200
    assert [record.getMessage().split("'")[1] for record in caplog.records] == [
        f"AsyncTinker/Python {new}",
        "AsyncTinker/Python not-a-version",
    ]
