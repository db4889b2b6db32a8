"""What expires and what waits, met by the official SDK in milliseconds: the tenant's clock is moved, nobody sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk


def test_everything_that_time_ends(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        said: dict[str, Any] = {}
        kit.clock("manual")
        training, rest = kit.trainer(service_client), kit.rest(service_client)
        path = training.save_state("kept", ttl_seconds=3600).result().path

        exported = training.save_weights_external("exported").result().path
        url = rest.get_external_weights_urls(exported).result().urls["adapter_config.json"]
        kit.advance(899)
        said["address"] = [kit.loaded(url)]
        kit.advance(1)
        said["address"].append(kit.loaded(url))

        kit.advance(2699)
        said["checkpoints"] = [len(rest.list_checkpoints(training.model_id).result().checkpoints)]
        kit.advance(1)
        said["checkpoints"].append(len(rest.list_checkpoints(training.model_id).result().checkpoints))
        said["load"] = kit.raised(training.load_state(path).result)

        # A proxy refuses it, so the server never sees its number.
        said["refused"] = kit.raised(training.optim_step(kit.adam()).result)["status"]
        behind = training.forward_backward([kit.datum()], "cross_entropy")
        kit.until_waiting()
        kit.advance(5)
        said["behind"] = behind.result().metrics["loss:sum"]

        stuck = training.forward_backward([kit.datum()], "cross_entropy")
        kit.until_waiting()
        kit.advance(86_400)
        said["stuck"] = kit.raised(stuck.result)
        said["session"] = kit.raised(lambda: kit.trainer(service_client))
        return said

    sdk.inject({"status": {"status": 400}}, "before_handler", operation="optim_step")
    sdk.inject("stuck", "in_operation", operation="forward_backward", on=2)
    said = sdk.run(program)
    assert said["address"] == [200, 403]
    assert said["checkpoints"] == [2, 1]
    assert "has expired" in said["load"]["message"]
    assert (said["refused"], said["behind"] > 0) == (400, True)
    assert "Promise expired" in said["stuck"]["message"]
    assert "no heartbeat came for too long" in said["session"]["message"]


def test_an_auto_clock_waits_for_nothing_that_only_time_brings(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[float]:
        kit.clock("auto")
        before = kit.now()
        losses = kit.steps(kit.trainer(service_client), 2)
        return [len(losses), kit.now() - before]

    sdk.inject({"delay": {"seconds": 120}}, "in_operation", operation="forward_backward")
    sdk.inject({"latency": {"seconds": 60}}, "before_handler", operation="optim_step")
    steps, passed = sdk.run(program, timeout=30)
    assert steps == 2
    assert passed > 2 * 120
