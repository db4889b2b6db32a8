"""Every version of the official SDK at once: they share runs and checkpoints, and each sees what it can understand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from client_tests.harness.environments import NEWEST
from client_tests.versions.features import FEATURES
from client_tests.versions.matrix import lives

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Runner, Sdk


@lives("together")
def test_what_the_newest_sdk_made_is_listed_and_trained_further(sdk: Sdk, runner_of: Callable[[str], Runner]) -> None:
    def begin(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 2)
        path = training.save_state("state").result().path
        training.save_weights_for_sampler("sampler").result()
        training.save_weights_external("external").result()
        return [training.model_id, path, *kit.steps(training, 1)]

    def go_on(service_client: Any, kit: Any, run: str, path: str) -> list[Any]:
        listed = kit.rest(service_client).list_checkpoints(run).result().checkpoints
        restored = kit.client(service_client.create_training_client_from_state(path))
        return [[each.checkpoint_type for each in listed], *kit.steps(restored, 1)]

    run, path, loss = replace(sdk, runner=runner_of(NEWEST)).run(begin)
    listed, loss_of_the_next = sdk.run(go_on, run=run, path=path)
    assert loss_of_the_next == loss
    # Older ones refuse a list with a type that they don't know.
    external = ["external"] if FEATURES["external"].is_in(sdk.runner.version) else []
    assert listed == [*external, "sampler", "training"]
