"""The life of a training program from end to end, as the SDK's documentation teaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk


def test_the_loss_falls_while_it_trains(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[float]:
        return kit.steps(kit.trainer(service_client), 12)  # type: ignore[no-any-return]

    losses = sdk.run(program)
    assert losses[-1] < 0.7 * losses[0]
    assert losses == sorted(losses, reverse=True)
