"""Numbers that clients give their requests: out of order, given twice, equal for different things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from client_tests.scenarios.playing import Player


@pytest.mark.scenario("seq-id-reused")
def test_a_number_that_stands_for_something_else_is_refused_and_the_run_goes_on(play: Player) -> None:
    def program(url: str, key: str) -> None:
        with httpx.Client(base_url=f"{url}/api/v1/", headers={"x-api-key": key}, timeout=30) as client:

            def ask(path: str, **body: Any) -> httpx.Response:
                return client.post(path, json=body)

            session = ask("create_session", tags=[], sdk_version="0.38.0", type="create_session").json()["session_id"]
            model = {
                "session_id": session,
                "model_seq_id": 0,
                "base_model": "Qwen/Qwen3-8B",
                "lora_config": {"rank": 4},
            }
            created = ask("create_model", **model, type="create_model").json()
            ask("retrieve_future", request_id=created["request_id"])
            steps = [
                ask("optim_step", model_id=created["model_id"], seq_id=seq_id, adam_params={"learning_rate": rate})
                for seq_id, rate in ((1, 1e-3), (1, 2e-3), (2, 1e-3))
            ]
            for step in (steps[0], steps[2]):
                assert ask("retrieve_future", request_id=step.json()["request_id"]).json()["type"] == "optim_step"
            assert steps[1].status_code != 200, "it was taken for the first"
            raise RuntimeError(steps[1].json()["message"])

    played = play.here("seq-id-reused", program)
    played.assert_kept()
    assert played.statuses("optim_step") == [200, 409, 200]
    assert [run["optimizer_steps"] for run in played.runs()] == [2]


@pytest.mark.scenario("chunks-out-of-order")
def test_chunks_that_arrive_out_of_order_give_the_results_of_those_in_order(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        data = [kit.datum(range(100 + number, 110 + 2 * number)) for number in range(7)]
        found = []
        for _ in range(2):
            result = training.forward_backward(data, "cross_entropy").result()
            training.optim_step(kit.adam()).result()
            found.append([result.metrics["loss:sum"], kit.logprobs(result)])
        return found

    played = play.sdk("chunks-out-of-order", program)
    played.assert_kept(1)
    # Four chunks of at most two data, of which the first is answered last: the number 1 comes behind the others.
    # Seven data in chunks of two: the SDK sends the first behind the others.
    chunks = played.calls("forward_backward")
    assert [chunk.facts.seq_id for chunk in chunks][:4] == [2, 3, 4, 1]
    assert len(chunks) == 8
    whole = play.sdk("nothing-happens", program)
    assert len(whole.calls("forward_backward")) == 2
    for (loss, logprobs), (whole_loss, whole_logprobs) in zip(played.saw, whole.saw, strict=True):
        assert loss == pytest.approx(whole_loss, rel=1e-6)
        for datum, same in zip(logprobs, whole_logprobs, strict=True):
            assert datum == pytest.approx(same, rel=1e-5)


@pytest.mark.scenario("sampler-seq-ids-collide")
def test_samplers_number_their_samples_for_themselves(play: Player) -> None:
    def program(service_client: Any, kit: Any) -> list[list[int]]:
        training = kit.trainer(service_client)
        samplers = [kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL)) for _ in range(2)]
        kit.steps(training, 3)
        samplers.append(kit.client(training.save_weights_and_get_sampling_client()))
        futures = [sampler.sample(kit.prompt(), 1, kit.greedy(8)) for sampler in samplers for _ in range(2)]
        return [list(future.result().sequences[0].tokens) for future in futures]

    played = play.sdk("sampler-seq-ids-collide", program)
    played.assert_kept()
    assert len(played.statuses("asample")) == 6
    base, again, other, *_, trained, _ = played.saw
    assert base == again == other != trained
