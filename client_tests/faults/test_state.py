"""What is stored goes wrong while the official SDK trains: what its user sees of it, over either of its transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.harness.cli import Cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server


@pytest.fixture(params=[True, False], ids=["pyqwest", "httpx"])
def spoilt(request: pytest.FixtureRequest, sdk: Sdk, server_with: Callable[..., Server]) -> Sdk:
    return sdk.at(server_with(client_config={"use_pyqwest_transport": request.param}, poll_seconds=1).url)


def suffer(service_client: Any, kit: Any) -> dict[str, Any]:
    """Train and restore while one thing after another goes wrong; what is seen of each."""

    def corrupt(effect: Any) -> None:
        kit.control("POST", "corruptions", effect=effect)

    def loss(of: Any) -> float:
        return float(of.forward([kit.datum()], "cross_entropy").result().metrics["loss:sum"])

    seen: dict[str, Any] = {}
    training = kit.trainer(service_client)
    run = training.model_id
    kit.steps(training, 2)
    paths = {name: training.save_state(name).result().path for name in ("good", "gone", "label")}
    true = loss(training)
    corrupt("restart")
    seen["restart"] = loss(training) == true
    corrupt({"perturb_weights": {"run": run, "scale": 0.1}})
    seen["perturb_weights"] = loss(training) != true
    training.load_state_with_optimizer(paths["good"]).result()
    seen["restored"] = loss(training) == true
    kit.steps(training, 1)
    three = loss(training)
    corrupt({"relabel": {"checkpoint": paths["label"]}})
    corrupt({"rewind": {"run": run}})
    seen["rewind"] = loss(training) == true
    training.load_state(paths["label"]).result()
    seen["relabel"] = loss(training) == three
    corrupt({"lose_file": {"checkpoint": paths["gone"]}})
    seen["lose_file"] = kit.raised(lambda: training.load_state(paths["gone"]).result())["type"]
    corrupt({"lose_row": {"checkpoint": paths["label"]}})
    seen["lose_row"] = kit.raised(lambda: training.load_state(paths["label"]).result())["type"]
    corrupt({"flag_corrupted": {"run": run}})
    seen["flag_corrupted"] = kit.raised(lambda: loss(training))["type"]
    seen["corrupted"] = kit.rest(service_client).get_training_run(run).result().corrupted
    again = kit.client(service_client.create_training_client_from_state_with_optimizer(paths["good"]))
    seen["restored anew"] = loss(again) == true
    corrupt({"lose_weights": {"run": again.model_id}})
    seen["lose_weights"] = kit.raised(lambda: loss(again))["type"]
    return seen


def test_the_user_of_a_corrupted_server_sees_it_and_restores(spoilt: Sdk) -> None:
    seen = spoilt.run(suffer, timeout=150)
    failed = dict.fromkeys(("lose_file", "lose_row", "lose_weights"), "RequestFailedError")
    flagged = {"flag_corrupted": "BadRequestError", "corrupted": True}
    same = ("restart", "perturb_weights", "restored", "rewind", "relabel", "restored anew")
    assert seen == {**dict.fromkeys(same, True), **failed, **flagged}


def test_the_command_refuses_what_reaches_out_of_its_folder(sdk: Sdk, server: Server, key: str, tmp_path: Path) -> None:
    def program(service_client: Any, kit: Any) -> str:
        trainer = kit.trainer(service_client)
        return str(trainer.save_weights_external("files").result().path)

    path, cli = sdk.run(program), Cli(server.url, key, tmp_path)
    body = {"effect": {"hostile_member": {"checkpoint": path}}, "api_key": key}
    assert httpx.post(f"{server.url}/__admin/corruptions", json=body).status_code == 200
    assert "Unsafe file path in checkpoint" in cli.refused("checkpoint", "download", path)
    assert not list(tmp_path.rglob("evil.txt"))
