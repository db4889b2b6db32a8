"""Runs under the optimizers that the SDK names, from their creation or from the weights of another run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk


def test_a_run_goes_on_from_another_runs_weights_under_another_optimizer(sdk: Sdk) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
        types = tinker.types
        first = kit.trainer(service_client)
        kit.steps(first, 2)
        path = first.save_state("adam").result().path
        muon = service_client.create_training_client_from_state(path, optimizer=types.DimuonOptimizerConfig()).result()
        losses = []
        for _ in range(3):
            losses.append(muon.forward_backward([kit.datum()], "cross_entropy").result().metrics["loss:sum"])
            muon.optim_step(types.DimuonParams(learning_rate=1e-3)).result()
        refused = kit.raised(lambda: muon.optim_step(kit.adam()).result())
        saved = muon.save_state("muon").result().path
        clients = [
            service_client.create_training_client_from_state_with_optimizer(saved).result(),
            service_client.create_training_client_from_state(saved).result(),
        ]
        return {
            "losses": losses,
            "refused": [refused["category"], refused["message"]],
            "optimizers": [client.get_info().optimizer_config.type for client in (first, muon, *clients)],
            "info": kit.rest(service_client).get_weights_info_by_tinker_path(saved).result().optimizer_config.type,
        }

    seen = sdk.run(program)
    assert seen["losses"][-1] < seen["losses"][0]
    assert seen["refused"][0] == "user"
    assert "created with dimuon" in seen["refused"][1]
    assert seen["optimizers"] == ["adamw", "dimuon", "dimuon", "adamw"]
    assert seen["info"] == "dimuon"
