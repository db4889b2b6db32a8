"""What goes wrong, with every version of the official SDK: mistakes are told, a lost answer costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client_tests.versions.matrix import lives

if TYPE_CHECKING:
    import httpx

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.wire import Wire


@lives("errors")
def test_a_mistake_is_an_exception_that_names_it_and_training_goes_on(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        training = kit.trainer(service_client)
        return {
            "loss": kit.raised(lambda: training.forward_backward([kit.datum()], "cross-entropy").result()),
            "model": kit.raised(lambda: kit.client(service_client.create_lora_training_client("no/model", rank=4))),
            "path": kit.raised(lambda: training.load_state("tinker://no-run/weights/one").result()),
            "trained": len(kit.steps(training, 2)),
        }

    seen = sdk.run(program)
    assert "cross-entropy" in seen["loss"]["message"]
    assert "no/model" in seen["model"]["message"]
    assert "no-run" in seen["path"]["message"]
    assert seen["trained"] == 2


@lives("lost_answer")
def test_a_step_whose_answer_was_lost_is_asked_for_again_and_taken_once(sdk: Sdk, wire: Wire) -> None:
    def program(service_client: Any, kit: Any) -> list[float]:
        return kit.steps(kit.trainer(service_client), 4)  # type: ignore[no-any-return]

    undisturbed = sdk.run(program)
    wire.spoil("optim_step", status=503)
    assert sdk.at(wire.url).run(program) == undisturbed
    assert len(wire.of("optim_step")) == 5


@lives("close")
def test_a_closed_client_finishes_its_session(sdk: Sdk, http: httpx.Client) -> None:
    def program(service_client: Any, kit: Any) -> str:
        kit.trainer(service_client)
        session = service_client.holder.get_session_id()
        service_client.close("success").result(timeout=20)
        return session  # type: ignore[no-any-return]

    assert http.post("session_heartbeat", json={"session_id": sdk.run(program)}).status_code == 410
