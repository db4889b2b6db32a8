"""What a server must do for Tinkex, most of it different from what the Python SDK needs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.tinkex.recovery import restore
from client_tests.tinkex.tinkex import TinkexError, datum

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.server import Server
    from client_tests.tinkex.tinkex import Tinkex


@pytest.mark.tinkex("need 1", "need 10", "need 14", "poll typed")
def test_every_result_is_json_with_a_type(tinkex: Tinkex) -> None:
    model = tinkex.new_model()
    results = [
        tinkex.forward(model)(),
        tinkex.forward_backward(model)(),
        tinkex.optim_step(model)(),
        tinkex.submit(
            "save_weights", "SaveWeights", model, {"path": "a", "ttl_seconds": None, "type": "save_weights"}
        )(),
        tinkex.save_for_sampler(model, "b"),
        tinkex.sample(tinkex.sampler(base_model="Qwen/Qwen3-8B"), prompt_logprobs=True),
    ]
    kinds = [result.get("type") or result["loss_fn_output_type"] for result in results]
    assert kinds[2:] == ["optim_step", "save_weights", "save_weights_for_sampler", "sample"]
    logprobs = results[0]["loss_fn_outputs"][0]["logprobs"]
    assert len(logprobs["data"]) == len(datum()["loss_fn_inputs"]["target_tokens"]["data"])
    assert {sequence["stop_reason"] for sequence in results[5]["sequences"]} <= {"length", "stop"}
    assert results[5]["prompt_logprobs"][0] is None


@pytest.mark.tinkex("need 2", "need 3", "poll failed", "poll else")
def test_a_failure_is_a_map_of_category_user_and_the_run_goes_on(tinkex: Tinkex) -> None:
    """In Python's form it would crash; of category server it would be asked for again for ever."""
    model = tinkex.new_model()
    wrong = datum()
    wrong["loss_fn_inputs"]["weights"]["data"].pop()
    with pytest.raises(TinkexError, match="weights") as caught:
        tinkex.forward_backward(model, [wrong])()
    assert (caught.value.kind, caught.value.category) == ("request_failed", "user")
    assert len(tinkex.train(model, 2)) == 2


@pytest.mark.tinkex("need 4")
def test_a_model_is_named_at_once_and_its_creation_can_be_polled(tinkex: Tinkex) -> None:
    body = {"session_id": tinkex.session, "model_seq_id": 7, "base_model": "Qwen/Qwen3-8B", "user_metadata": None}
    made = tinkex.call("POST", "create_model", body)
    assert tinkex.poll(made["request_id"], "CreateModel") == {"model_id": made["model_id"], "type": "create_model"}
    info = tinkex.call("POST", "get_info", {"model_id": made["model_id"], "type": "get_info"})
    assert (info["is_lora"], info["lora_rank"], info["model_name"]) == (True, 32, "Qwen/Qwen3-8B")


@pytest.mark.tinkex("need 5")
def test_gaps_and_inversions_of_seq_ids_are_taken(tinkex: Tinkex) -> None:
    """A refused input uses numbers up that are never sent, and a custom loss lets optim_step arrive too early."""
    model = tinkex.new_model()
    forward = tinkex.forward(model)
    step = tinkex.optim_step(model, seq_id=3)
    backward = tinkex.forward_backward(model, seq_id=2)
    before = forward()["metrics"]["loss:sum"]
    assert backward()["metrics"]["loss:sum"] == before
    assert step()["metrics"]["grad_norm"] > 0
    for _ in range(5):
        tinkex.skip(model)
    assert tinkex.forward(model)()["metrics"]["loss:sum"] < before


@pytest.mark.tinkex("need 6")
def test_the_number_of_a_model_is_used_again_after_a_failed_restore(tinkex: Tinkex) -> None:
    model = tinkex.new_model()
    tinkex.train(model, 2)
    path = tinkex.save(model, "two")
    expected = tinkex.train(model)
    made = tinkex.create_model(4)
    with pytest.raises(TinkexError, match="does not exist"):
        tinkex.load(made, path.replace("two", "three"), optimizer=True)
    # The same (session_id, model_seq_id), a new idempotency key, and load_weights is number 1 again.
    restored = restore(tinkex, path, optimizer=True)
    assert restored == made
    assert tinkex.train(restored) == expected


@pytest.mark.tinkex("need 7")
def test_two_kinds_of_sampler_may_have_one_number(tinkex: Tinkex) -> None:
    model = tinkex.new_model()
    for _ in range(20):
        tinkex.train(model)
    ephemeral = tinkex.save_for_sampler(model, number=0)["sampling_session_id"]
    base = tinkex.sampler(base_model="Qwen/Qwen3-8B")
    assert ephemeral != base
    trained, untrained = (tinkex.sample(each, prompt_logprobs=True) for each in (ephemeral, base))
    assert trained["sequences"] != untrained["sequences"] or trained["prompt_logprobs"] != untrained["prompt_logprobs"]


@pytest.mark.tinkex("need 8")
def test_an_unnamed_save_gives_what_its_sampling_client_is_made_of(tinkex: Tinkex) -> None:
    """Without a path beside the id, the real one says "Either model_path or base_model must be provided"."""
    model = tinkex.new_model()
    saved = tinkex.save_for_sampler(model, number=0)
    assert saved["sampling_session_id"]
    assert saved["path"].startswith(f"tinker://{model}/sampler_weights/")
    assert tinkex.sample(saved["sampling_session_id"])["sequences"]
    found = tinkex.call("GET", f"samplers/{saved['sampling_session_id'].replace(':', '%3A')}")
    assert (found["sampler_id"], found["base_model"]) == (saved["sampling_session_id"], "Qwen/Qwen3-8B")


@pytest.mark.tinkex("need 9")
def test_nulls_are_taken_for_absent(tinkex: Tinkex) -> None:
    """start, create_model, sampler and the saves send null for whatever was not set."""
    model = tinkex.new_model()
    assert tinkex.save(model, "null", ttl_seconds=None).endswith("/weights/null")
    listed = tinkex.call("GET", f"training_runs/{model}/checkpoints")["checkpoints"]
    assert listed[0]["expires_at"] is None


@pytest.mark.tinkex("need 11", "scenario 40", "scenario 30")
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "training_runs/nobody:train:0", None),
        ("GET", "samplers/nobody%3Asample%3A0", None),
        ("POST", "weights_info", {"tinker_path": "tinker://nobody:train:0/weights/x"}),
        ("GET", "training_runs/nobody:train:0/checkpoints/weights/x/archive", None),
        ("DELETE", "training_runs/nobody:train:0/checkpoints/weights/x", None),
    ],
)
def test_what_is_not_there_is_a_404_that_says_so(tinkex: Tinkex, method: str, path: str, body: Any) -> None:
    with pytest.raises(TinkexError, match="does not exist") as caught:
        tinkex.call(method, path, body)
    assert (caught.value.status, caught.value.category, tinkex.slept) == (404, "user", [])


@pytest.mark.tinkex("need 13", "scenario 28")
def test_nothing_that_a_caller_waits_for_takes_five_seconds(tinkex: Tinkex) -> None:
    """Callers exit then, while the server makes orphans. Checked with a queue full of work."""
    busy = tinkex.new_model()
    for _ in range(50):
        tinkex.forward_backward(busy, [datum(256)] * 8)
    calls: list[Callable[[], object]] = [
        tinkex.start,
        tinkex.new_model,
        lambda: tinkex.sampler(base_model="Qwen/Qwen3-8B"),
        lambda: tinkex.call("GET", "get_server_capabilities"),
        lambda: tinkex.call("POST", "get_info", {"model_id": busy, "type": "get_info"}),
        lambda: tinkex.call("POST", "unload_model", {"model_id": busy, "type": "unload_model"}),
    ]
    for call in calls:
        began = time.monotonic()
        call()
        assert time.monotonic() - began < 5


@pytest.mark.tinkex("poll try_again", "scenario 16", "scenario 12")
def test_a_paused_queue_is_told_in_the_form_that_tinkex_reads(
    server_with: Callable[..., Server], tinkex: Tinkex
) -> None:
    """200, not 408: that it would ask again without a pause."""
    dials = {"optim_step": "polls:2/paused_capacity/all GPUs are busy"}
    tinkex.url = server_with(poll_seconds=1, dials=dials).url
    tinkex.start()
    model = tinkex.new_model()
    assert tinkex.optim_step(model)()["type"] == "optim_step"
    assert tinkex.reasons == ["all GPUs are busy"] * 2
    assert tinkex.slept == [1.0, 1.0]


def test_a_plain_wait_is_no_busy_loop(server_with: Callable[..., Server], tinkex: Tinkex) -> None:
    server = server_with(poll_seconds=10, dials={"forward": "after:15"}, clock="auto")
    tinkex.url = server.url
    tinkex.start()
    result = tinkex.forward(tinkex.new_model())
    assert result()["loss_fn_output_type"]
    assert tinkex.slept == [1.0]


def test_what_is_sent_is_what_the_real_one_sent(tinkex: Tinkex, server: Server) -> None:
    """Heartbeat and telemetry, whose answers it does not read, and /heartbeat, which must not exist."""
    assert tinkex.heartbeat()
    with pytest.raises(TinkexError) as caught:
        tinkex.call("POST", "heartbeat", {"session_id": tinkex.session})
    assert caught.value.status == 404
    events = [{"event": "SESSION_START", "event_id": "1", "event_session_index": 0, "severity": "INFO"}]
    body = {"session_id": tinkex.session, "platform": "unix/linux", "sdk_version": "0.15.0", "events": events}
    assert tinkex.call("POST", "telemetry", body, retries=1) == {"status": "accepted"}
    assert httpx.get(f"{server.url}/api/v1/healthz").json()["status"] == "ok"
