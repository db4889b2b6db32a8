"""The life of a training program from end to end, as the SDK's documentation teaches it, over both its transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server


@pytest.fixture(params=[True, False], ids=["pyqwest", "httpx"])
def life(request: pytest.FixtureRequest, sdk: Sdk, server: Server, server_with: Callable[..., Server]) -> Sdk:
    """The SDK over either of its two transports, the Rust one being the default."""
    return sdk if request.param else sdk.at(server_with(client_config={"use_pyqwest_transport": False}).url)


def test_the_loss_falls_while_it_trains(life: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[float]:
        return kit.steps(kit.trainer(service_client), 12)  # type: ignore[no-any-return]

    losses = life.run(program)
    assert losses[-1] < 0.7 * losses[0]
    assert losses == sorted(losses, reverse=True)


def test_training_goes_on_from_a_checkpoint_to_the_last_bit(life: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, list[float]]:
        training = kit.trainer(service_client)
        kit.steps(training, 3)
        path = training.save_state("half-way").result().path
        losses = {"undisturbed": kit.steps(training, 3)}
        training.load_state_with_optimizer(path).result()
        losses["loaded with its optimizer"] = kit.steps(training, 3)
        training.load_state(path).result()
        losses["loaded without"] = kit.steps(training, 3)
        whole = service_client.create_training_client_from_state_with_optimizer(path).result()
        losses["new with its optimizer"] = kit.steps(whole, 3)
        bare = service_client.create_training_client_from_state(path).result()
        losses["new without"] = kit.steps(bare, 3)
        return losses

    losses = life.run(program)
    undisturbed = losses["undisturbed"]
    assert losses["loaded with its optimizer"] == undisturbed
    assert losses["new with its optimizer"] == undisturbed
    for without in (losses["loaded without"], losses["new without"]):
        assert without[0] == undisturbed[0]
        assert without != undisturbed
    assert losses["loaded without"] == losses["new without"]


def test_it_says_by_heart_what_it_was_trained_on(life: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[list[int]]:
        training = kit.trainer(service_client, rank=16)
        for _ in range(40):
            training.forward_backward([kit.datum()], "cross_entropy")
            training.optim_step(kit.adam(5e-3))
        path = training.save_weights_for_sampler("by-heart").result().path
        samplers = [
            training.save_weights_and_get_sampling_client().result(),
            training.create_sampling_client(path).result(),
            service_client.create_sampling_client(model_path=path).result(),
        ]
        begin = kit.prompt(kit.TOKENS[:6])
        return [list(each.sample(begin, 1, kit.greedy(8)).result().sequences[0].tokens) for each in samplers]

    assert life.run(program) == [list(range(106, 114))] * 3


def test_a_prompts_logprobs_are_those_of_forward(life: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 3)
        forward = kit.logprobs(training.forward([kit.datum()], "cross_entropy").result())[0]
        sampler = training.save_weights_and_get_sampling_client().result()
        computed = sampler.compute_logprobs(kit.prompt()).result()
        answer = sampler.sample(kit.prompt(), 1, kit.greedy(4), include_prompt_logprobs=True).result()
        sampled = list(answer.sequences[0].tokens)
        again = kit.logprobs(training.forward([kit.datum([*kit.TOKENS, *sampled])], "cross_entropy").result())[0]
        return [forward, computed, answer.prompt_logprobs, again, list(answer.sequences[0].logprobs)]

    forward, computed, prompted, again, sampled = life.run(program)
    assert computed[0] is None
    assert computed[1:] == pytest.approx(forward, abs=1e-5)
    assert prompted[1:] == pytest.approx(forward, abs=1e-5)
    assert sampled == pytest.approx(again[-4:], abs=1e-5)


def test_checkpoints_are_listed_published_limited_and_deleted(life: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        from datetime import UTC, datetime

        training = kit.trainer(service_client)
        training.save_state("first", ttl_seconds=3600).result()
        path = training.save_state("second", user_metadata={"step": "2"}).result().path
        training.save_weights_for_sampler("third").result()
        rest = kit.rest(service_client)

        def listed() -> list[Any]:
            found = rest.list_user_checkpoints().result().checkpoints
            return [(each.checkpoint_id, each.public, each.user_metadata, each.expires_at is None) for each in found]

        seen = [listed()]
        rest.publish_checkpoint_from_tinker_path(path).result()
        rest.set_checkpoint_ttl_from_tinker_path(path, 7200).result()
        seen.append(listed())
        expiry = rest.list_user_checkpoints().result().checkpoints[1].expires_at
        left = (expiry - datetime.now(UTC)).total_seconds()
        rest.unpublish_checkpoint_from_tinker_path(path).result()
        rest.set_checkpoint_ttl_from_tinker_path(path, None).result()
        rest.delete_checkpoint(training.model_id, "weights/first").result()
        seen.append(listed())
        page = rest.list_user_checkpoints(limit=1, offset=1).result()
        return [seen, left, [page.checkpoints[0].checkpoint_id, page.cursor.total_count]]

    (before, published, after), left, page = life.run(program)
    third, second = ["sampler_weights/third", False, None, True], ["weights/second", False, {"step": "2"}, True]
    assert before == [third, second, ["weights/first", False, None, False]]
    assert published[1] == ["weights/second", True, {"step": "2"}, False]
    assert 7100 < left <= 7200
    assert after == [third, second]
    assert page == ["weights/second", 2]


def test_runs_and_sessions_are_found_again(life: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        first, second = (kit.trainer(service_client, rank=rank) for rank in (2, 3))
        path = second.save_state("one").result().path
        sampler = second.save_weights_for_sampler("two").result().path
        rest = kit.rest(service_client)
        runs = rest.list_training_runs().result()
        session = service_client.holder.get_session_id()
        weights = rest.get_weights_info_by_tinker_path(path).result()
        return {
            "runs": [[run.training_run_id, run.lora_rank] for run in runs.training_runs],
            "page": [run.lora_rank for run in rest.list_training_runs(limit=1, offset=1).result().training_runs],
            "ids": [second.model_id, first.model_id],
            "session": rest.get_session(session).result().training_run_ids,
            "last": [
                runs.training_runs[0].last_checkpoint.tinker_path == path,
                runs.training_runs[0].last_sampler_checkpoint.tinker_path == sampler,
                runs.training_runs[1].last_checkpoint,
            ],
            "weights": [weights.base_model, weights.lora_rank],
        }

    found = life.run(program)
    second, first = found["ids"]
    assert found["runs"] == [[second, 3], [first, 2]]
    assert found["page"] == [2]
    assert found["session"] == [first, second]
    assert found["last"] == [True, True, None]
    assert found["weights"] == ["Qwen/Qwen3-8B", 3]


def test_a_program_that_ends_finishes_its_session(sdk: Sdk, http: httpx.Client) -> None:
    def program(tinker: Any, kit: Any) -> str:
        with tinker.ServiceClient() as service_client:
            kit.trainer(service_client)
            return service_client.holder.get_session_id()  # type: ignore[no-any-return]

    session = sdk.run(program)
    beat = http.post("session_heartbeat", json={"session_id": session})
    assert beat.status_code == 410
    assert "finished (success)" in beat.json()["detail"]


def test_what_is_unloaded_takes_no_more_but_keeps_its_checkpoints(sdk: Sdk, http: httpx.Client) -> None:
    def train(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        kit.steps(training, 2)
        path = training.save_state("kept").result().path
        return [training.model_id, path, kit.steps(training, 1)]

    def restore(service_client: Any, kit: Any, path: str) -> list[float]:
        training = service_client.create_training_client_from_state_with_optimizer(path).result()
        return kit.steps(training, 1)  # type: ignore[no-any-return]

    run, path, losses = sdk.run(train)
    # The newest SDK does not unload any more; those up to 0.25 do.
    unloading = http.post("unload_model", json={"model_id": run}).json()["request_id"]
    assert http.post("retrieve_future", json={"request_id": unloading}).json()["type"] == "unload_model"
    refused = http.post("optim_step", json={"model_id": run, "seq_id": 99})
    assert refused.status_code == 400
    assert "unloaded" in refused.json()["detail"]
    assert sdk.run(restore, path=path) == losses
