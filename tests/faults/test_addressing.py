"""Which calls of the real server a rule is about: by what they say, by what they poll, by who had them signed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.codec.schema import messages
from mock_server.listening import FAULTS
from tests.api.live_app import MODEL, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

BUSY = {"status": {"status": 503}}
PROTOBUF = {"accept": "application/x-protobuf"}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path) as app:
        yield app


async def forward_backward(app: LiveApp, run: str, seq_id: int) -> str:
    datum = {
        "model_input": {"chunks": [{"type": "encoded_text", "tokens": [1, 2, 3]}]},
        "loss_fn_inputs": {"target_tokens": {"data": [2, 3, 4], "dtype": "int64", "shape": [3]}},
    }
    submitted = await app.ask(
        "forward_backward",
        model_id=run,
        seq_id=seq_id,
        forward_backward_input={"data": [datum], "loss_fn": "cross_entropy"},
    )
    return str(submitted["request_id"])


async def optim_step(app: LiveApp, run: str, seq_id: int) -> str:
    return str((await app.ask("optim_step", model_id=run, seq_id=seq_id, adam_params={}))["request_id"])


async def statuses(app: LiveApp, path: str, *bodies: dict[str, Any]) -> list[int]:
    return [(await app.call("POST", path, body)).status_code for body in bodies]


async def test_a_poll_is_about_the_run_and_the_number_of_its_operation(app: LiveApp) -> None:
    run, other = await app.new_run(), await app.new_run()
    rule = app.inject(BUSY, "before_handler", operation="retrieve_future", run=run, seq_id=2)
    polls = [{"request_id": await optim_step(app, of, seq_id)} for of in (run, other) for seq_id in (1, 2)]
    assert await statuses(app, "retrieve_future", *polls) == [200, 503, 200, 200]
    assert (rule.calls, rule.struck) == (1, 1)


async def test_a_poll_is_about_the_kind_of_its_operation_after_a_restart_too(app: LiveApp) -> None:
    run = await app.new_run()
    polls = [{"request_id": await forward_backward(app, run, 1)}, {"request_id": await optim_step(app, run, 2)}]
    assert await statuses(app, "retrieve_future", *polls) == [200, 200]
    await app.runtime.settle()
    app.runtime.board._live.clear()
    app.inject(BUSY, "before_handler", operation="retrieve_future", polled="optim_step")
    assert await statuses(app, "retrieve_future", *polls) == [200, 503]


async def test_a_checkpoint_is_known_by_its_path_or_by_its_name(app: LiveApp) -> None:
    run = await app.new_run()
    first, second = [await app.save(run, name, seq_id) for seq_id, name in enumerate(("one", "two"), 1)]
    app.inject(BUSY, "before_handler", operation="weights_info", checkpoint=first, on=1)
    app.inject(BUSY, "before_handler", operation="weights_info", checkpoint="two")
    paths = [{"tinker_path": path} for path in (first, first, second)]
    assert await statuses(app, "weights_info", *paths) == [503, 200, 503]
    app.inject(BUSY, "before_handler", operation=["get_archive_url", "save_weights"], checkpoint="one")
    place = f"training_runs/{run}/checkpoints/weights"
    found = [(await app.call("GET", f"{place}/{name}/archive")).status_code for name in ("one", "two")]
    assert found == [503, 302]
    assert (await app.call("POST", "save_weights", {"model_id": run, "path": "one", "seq_id": 3})).status_code == 503


async def test_what_a_scenario_does_not_know_yet_has_a_placeholder(app: LiveApp) -> None:
    app.inject(BUSY, "before_handler", operation="optim_step", run="$2")
    app.inject(BUSY, "before_handler", operation="optim_step", run="$last", seq_id=9)
    app.inject(BUSY, "before_handler", operation="weights_info", checkpoint="$first")
    app.inject(BUSY, "before_handler", operation="session_heartbeat", session="$3")
    runs = [await app.new_run() for _ in range(3)]
    steps: list[dict[str, Any]] = [
        {"model_id": run, "seq_id": seq_id, "adam_params": {}} for seq_id in (1, 9) for run in runs
    ]
    assert await statuses(app, "optim_step", *steps) == [200, 503, 200, 200, 503, 503]
    paths = [{"tinker_path": await app.save(run, "x", 2)} for run in (runs[0], runs[2])]
    assert await statuses(app, "weights_info", *paths) == [503, 200]
    beats = [{"session_id": run.partition(":")[0]} for run in runs]
    assert await statuses(app, "session_heartbeat", *beats) == [200, 200, 503]


async def test_a_run_is_known_while_it_is_created(app: LiveApp) -> None:
    session = (await app.ask("create_session", tags=[]))["session_id"]
    app.inject(BUSY, "before_handler", operation="create_model", run=f"{session}:train:1")
    new = {"session_id": session, "base_model": "Qwen/Qwen3-8B", "lora_config": {"rank": 4}}
    assert await statuses(app, "create_model", *({**new, "model_seq_id": n} for n in (0, 1))) == [200, 503]


async def test_a_client_is_known_by_its_version(app: LiveApp) -> None:
    app.inject(
        {"status": {"status": 400}}, "before_handler", operation="client_config", sdk_version=["0.20.0", "0.21.0"]
    )
    versions = [{"sdk_version": version} for version in ("0.20.0", "0.38.0", "0.21.0")]
    assert await statuses(app, "client/config", *versions) == [400, 200, 400]


async def test_a_signed_address_is_its_tenants(app: LiveApp) -> None:
    run = await app.new_run()
    await app.save(run, "one", 1)
    url = (await app.call("GET", f"training_runs/{run}/checkpoints/weights/one/archive")).headers["location"]
    app.inject(BUSY, "before_handler", operation="download", key="tml-somebody-else")
    assert (await app.client.get(url)).status_code == 200
    app.inject(BUSY, "before_handler", operation="download", run=run, checkpoint="one")
    assert (await app.client.get(url)).status_code == 503


async def test_the_observer_of_an_exchange_is_told_of_silent_faults_too(app: LiveApp) -> None:
    seen: list[Any] = []
    layer = app.app.middleware_stack
    assert layer is not None

    async def watching(scope: Any, receive: Any, send: Any) -> None:
        await layer(scope, receive, send)
        seen.append(scope.get(FAULTS, []))

    app.app.middleware_stack = watching
    app.inject(BUSY, "before_handler", operation="create_session", silent=True, on=2)
    assert await statuses(app, "create_session", *[{"tags": []}] * 3) == [200, 503, 200]
    assert seen == [[], ["status"], []]


class TestProtobuf:
    """Results that come as protobuf are spoilt as protobuf."""

    async def spoilt(self, app: LiveApp, effect: Any) -> Any:
        run = await app.new_run()
        request_id = await forward_backward(app, run, 1)
        app.inject(effect, "in_body", operation="retrieve_future")
        answer = await app.call("POST", "retrieve_future", {"request_id": request_id}, headers=PROTOBUF)
        assert answer.headers["content-type"] == PROTOBUF["accept"]
        return messages().ForwardBackwardOutput.FromString(answer.content)

    async def test_a_metric_is_not_finite(self, app: LiveApp) -> None:
        output = await self.spoilt(app, {"not_finite": {"field": "metrics.loss:sum", "value": "-Infinity"}})
        assert output.metrics["loss:sum"] == -math.inf

    async def test_a_logprob_is_not_finite(self, app: LiveApp) -> None:
        output = await self.spoilt(app, {"not_finite": {"field": "loss_fn_outputs.0.fields.logprobs.data.1"}})
        data = output.loss_fn_outputs[0].fields["logprobs"].data
        assert [math.isnan(n) for n in memoryview(data).cast("f")] == [False, True, False]

    async def test_an_array_is_too_short(self, app: LiveApp) -> None:
        output = await self.spoilt(app, {"wrong_length": {"field": "loss_fn_outputs.0.fields.logprobs.data"}})
        assert len(output.loss_fn_outputs[0].fields["logprobs"].data) == 8

    async def test_a_list_is_too_short(self, app: LiveApp) -> None:
        output = await self.spoilt(app, {"wrong_length": {"field": "loss_fn_outputs", "at": "start"}})
        assert len(output.loss_fn_outputs) == 0

    @pytest.mark.parametrize("field", ["loss_fn_output_type", "metrics.loss:sum", "loss_fn_outputs.0"])
    async def test_a_field_is_missing(self, app: LiveApp, field: str) -> None:
        output = await self.spoilt(app, {"missing_field": {"field": field}})
        assert (output.loss_fn_output_type == "") == (field == "loss_fn_output_type")
        assert ("loss:sum" in output.metrics) == (field != "metrics.loss:sum")
        assert len(output.loss_fn_outputs) == (field != "loss_fn_outputs.0")

    async def test_a_sample_is_known_as_one(self, app: LiveApp) -> None:
        session = (await app.ask("create_session", tags=[]))["session_id"]
        of = (
            await app.ask("create_sampling_session", session_id=session, sampling_session_seq_id=0, base_model=MODEL)
        )["sampling_session_id"]
        prompt = {"chunks": [{"type": "encoded_text", "tokens": [1, 2]}]}
        params = {"max_tokens": 3, "stop": []}
        asked = await app.ask("asample", sampling_session_id=of, seq_id=0, prompt=prompt, sampling_params=params)
        app.inject({"wrong_length": {"field": "sequences.0.logprobs"}}, "in_body", operation="retrieve_future")
        answer = await app.call("POST", "retrieve_future", {"request_id": asked["request_id"]}, headers=PROTOBUF)
        (sequence,) = messages().SampleResponse.FromString(answer.content).sequences
        assert (len(sequence.tokens), len(sequence.logprobs)) == (12, 8)

    async def test_it_ends_too_soon(self, app: LiveApp) -> None:
        with pytest.raises(Exception, match="Error parsing"):
            await self.spoilt(app, "invalid_protobuf")

    async def test_json_comes_in_its_place(self, app: LiveApp) -> None:
        run = await app.new_run()
        request_id = await forward_backward(app, run, 1)
        app.inject("accept", "before_handler", operation="retrieve_future")
        answer = await app.call("POST", "retrieve_future", {"request_id": request_id}, headers=PROTOBUF)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["metrics"]["tokens:sum"] == 3
