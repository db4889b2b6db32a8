"""An answer is lost after its work was done: what a client does then decides whether it is done twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.scenarios.playing import train_and_look

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player

STEPS = 3


def train_and_repeat_wrongly(url: str, key: str) -> list[float]:
    """What `train_and_look` does by a client that takes a new seq_id whenever it has to ask again."""
    tokens = list(range(100, 124))
    weights = {"data": [1.0] * 23, "dtype": "float32", "shape": [23]}
    targets = {"data": tokens[1:], "dtype": "int64", "shape": [23]}
    chunk = {"type": "encoded_text", "tokens": tokens[:-1]}
    datum = {"model_input": {"chunks": [chunk]}, "loss_fn_inputs": {"target_tokens": targets, "weights": weights}}
    backward = {"forward_backward_input": {"data": [datum], "loss_fn": "cross_entropy"}}
    step = {"adam_params": {"learning_rate": 1e-3}}

    with httpx.Client(base_url=f"{url}/api/v1/", headers={"x-api-key": key}, timeout=30) as client:

        def ask(path: str, **body: Any) -> Any:
            return client.post(path, json=body).json()

        def result(submitted: Any) -> Any:
            return ask("retrieve_future", request_id=submitted["request_id"])

        session = ask("create_session", tags=[], sdk_version="0.38.0", type="create_session")["session_id"]
        lora = {"rank": 4, "seed": 7}
        model = {"session_id": session, "model_seq_id": 0, "base_model": "Qwen/Qwen3-8B", "lora_config": lora}
        run = result(ask("create_model", **model, type="create_model"))["model_id"]
        seq_id = 0

        def work(path: str, body: dict[str, Any]) -> Any:
            nonlocal seq_id
            while True:
                seq_id += 1
                try:
                    return result(ask(path, model_id=run, seq_id=seq_id, **body))
                except httpx.TransportError:
                    continue  # and so the server must take it for new work

        losses = []
        for _ in range(STEPS):
            losses.append(work("forward_backward", backward)["metrics"]["loss:sum"])
            work("optim_step", step)
        forward = {"forward_input": backward["forward_backward_input"]}
        losses.append(work("forward", forward)["metrics"]["loss:sum"])
        return losses


@pytest.mark.scenario("lost-response-doubles-step")
@pytest.mark.scenario("lost-response-doubles-gradients")
@pytest.mark.parametrize("scenario_id", ["lost-response-doubles-step", "lost-response-doubles-gradients"])
def test_the_sdk_repeats_it_under_its_number(play: Player, scenario_id: str) -> None:
    played = play.sdk(scenario_id, train_and_look)
    played.assert_kept(1)
    operation = "optim_step" if "step" in scenario_id else "forward_backward"
    # The forward at the end is a forward_backward to newer SDKs.
    assert played.statuses(operation)[:4] == [200, None, 200, 200]
    lost, repeated = played.calls(operation)[1:3]
    assert lost.exchange.request.body == repeated.exchange.request.body
    assert [run["optimizer_steps"] for run in played.runs()] == [STEPS]
    assert played.saw == play.undisturbed(train_and_look).saw


@pytest.mark.scenario("lost-response-doubles-step")
def test_a_client_that_repeats_it_under_a_new_number_doubles_the_step_and_the_verdict_names_it(play: Player) -> None:
    good = play.here("nothing-happens", train_and_repeat_wrongly)
    good.assert_kept()
    played = play.here("lost-response-doubles-step", train_and_repeat_wrongly)
    assert [run["optimizer_steps"] for run in played.runs()] == [STEPS + 1]
    # The numbers tell as well: it is further than it believes.
    assert played.saw[:2] == good.saw[:2]
    assert played.saw[2:] != good.saw[2:]
    failed = played.failed()
    assert (
        "the same optim_step goes out as 5, but 4 may have been taken"
        in failed["at least 1: lost-step-is-repeated holds"]
    )
    run = played.runs()[0]["id"]
    told = f"run {run} took 4 optimizer steps, and the client was told of 3"
    assert failed["run $first: optimizer_steps as many as the client was told of"] == told


@pytest.mark.scenario("lost-response-doubles-gradients")
def test_a_client_that_repeats_a_batch_under_a_new_number_doubles_its_gradients(play: Player) -> None:
    good = play.here("nothing-happens", train_and_repeat_wrongly)
    played = play.here("lost-response-doubles-gradients", train_and_repeat_wrongly)
    assert [run["optimizer_steps"] for run in played.runs()] == [STEPS]
    assert played.saw[:2] == good.saw[:2]
    assert "at least 1: lost-step-is-repeated holds" in played.failed()


def save_twice(service_client: Any, kit: Any) -> list[str]:
    training = kit.trainer(service_client)
    kit.steps(training, 1)
    paths = [training.save_state(name).result().path for name in ("first", "second")]
    kit.steps(training, 1)
    return paths


@pytest.mark.scenario("save-answered-already-exists")
def test_a_save_that_is_told_of_its_own_checkpoint_is_no_failure(play: Player) -> None:
    played = play.sdk("save-answered-already-exists", save_twice)
    played.assert_kept(1, 1)
    assert played.statuses("save_weights") == [None, 409, 200, 200]
    (run,) = played.runs()
    assert [each["path"] for each in run["checkpoints"]] == played.saw
    assert run["optimizer_steps"] == 2


@pytest.mark.scenario("save-loses-its-connection")
def test_a_save_whose_connection_closes_makes_one_checkpoint(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> str:
        training = kit.trainer(service_client)
        return training.save_state("only").result().path  # type: ignore[no-any-return]

    played = play.sdk("save-loses-its-connection", program)
    played.assert_kept(2)
    assert played.statuses("save_weights") == [None, None, 200]
    (run,) = played.runs()
    assert [each["path"] for each in run["checkpoints"]] == [played.saw]
