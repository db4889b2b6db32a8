"""An answer is lost after its work was done: the official SDK repeats its request, and the step is made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server


@pytest.mark.parametrize("pyqwest", [True, False], ids=["pyqwest", "httpx"])
@pytest.mark.parametrize("effect", ["reset", "close", {"status": {"status": 500}}], ids=["reset", "close", "500"])
@pytest.mark.parametrize("operation", ["forward_backward", "optim_step"])
def test_the_sdk_repeats_it_and_the_step_is_made_once(
    sdk: Sdk, server_with: Callable[..., Server], pyqwest: bool, effect: object, operation: str
) -> None:
    """Two equal runs, one of them with a lost answer: their numbers are the same to the last bit."""
    server = server_with(client_config={"use_pyqwest_transport": pyqwest})
    sdk = sdk.at(server.url)

    def program(service_client: Any, kit: Any) -> list[float]:
        return kit.steps(kit.trainer(service_client), 4)  # type: ignore[no-any-return]

    undisturbed = sdk.run(program)
    rule = {"operation": operation, "phase": "after_commit", "effect": effect, "on": 2}
    with httpx.Client(base_url=f"{server.url}/__admin/") as admin:
        added = admin.post("faults", json={"rule": rule, "api_key": sdk.key})
        assert added.status_code == 201, added.text
        disturbed = sdk.run(program)
        (fault,) = [each for each in admin.get("faults").json()["faults"] if each["id"] == added.json()["id"]]
    assert disturbed == undisturbed
    # The struck call, and its repeat.
    assert (fault["struck"], fault["calls"]) == (1, 5)
