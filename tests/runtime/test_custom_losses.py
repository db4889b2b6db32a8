"""Training with custom losses: one is found by its id, also when a log is replayed, and fails like any operation."""

import json
from pathlib import Path
from typing import Any

import pytest

from mock_server.domain.operations import Body
from mock_server.domain.orders import CreateCustomLossOrder
from tests.runtime.world import TENANT, TEXT, World, crash_image, weights_of, world


def weighted(factor: float, target: str = "torch.sum") -> CreateCustomLossOrder:
    """The loss factor * sum(logprobs * weights)."""
    calls = [
        ("weigh", "operator.mul", [{"ref": "logprobs"}, {"ref": "weights"}]),
        ("total", target, [{"ref": "weigh"}]),
        ("loss", "operator.mul", [{"ref": "total"}, factor]),
    ]
    nodes = [
        *({"op": "placeholder", "name": name, "target": name} for name in ("logprobs", "weights")),
        *({"op": "call_function", "name": name, "target": target, "args": args} for name, target, args in calls),
        {
            "op": "output",
            "name": "output",
            "target": "output",
            "args": [{"tuple": [{"ref": "loss"}, {"dict": {"custom/total:sum": {"ref": "total"}}}]}],
        },
    ]
    inputs = [{"name": "logprobs", "rank": 1}, {"name": "weights", "rank": 1}]
    return CreateCustomLossOrder(name="weighted", inputs=inputs, graph={"format": 1, "nodes": nodes})


async def create(here: World, order: CreateCustomLossOrder, number: int = 0) -> str:
    request = await here.runtime.create_custom_loss(TENANT, here.session, number, order)
    return str((await here.answer(request))["loss_id"])


async def train(here: World, run_id: str, seq_id: int, config: dict[str, Any]) -> list[str]:
    inputs = {
        "target_tokens": {"data": TEXT[1:], "dtype": "int64", "shape": [len(TEXT) - 1]},
        "weights": {"data": [1.0] * (len(TEXT) - 1), "dtype": "float32", "shape": [len(TEXT) - 1]},
    }
    datum = {
        "model_input": {"chunks": [{"type": "encoded_text", "tokens": TEXT[:-1]}]},
        "loss_fn_inputs": inputs,
    }
    asked = {"data": [datum], "loss_fn": "custom", "loss_fn_config": config}
    body = json.dumps({"model_id": run_id, "seq_id": seq_id, "forward_backward_input": asked}).encode()
    backward = await here.runtime.submit(TENANT, run_id, "forward_backward", seq_id, Body.of("application/json", body))
    return [backward, await here.optim_step(run_id, seq_id + 1)]


async def test_a_server_killed_amid_custom_losses_gives_the_numbers_of_an_undisturbed_one(tmp_path: Path) -> None:
    async with world(tmp_path / "live") as here:
        await here.open_session()
        run_id = await here.create_run()
        losses = [await create(here, weighted(-1.0), 0), await create(here, weighted(-0.5), 1)]
        for step in range(4):
            requests = await train(here, run_id, 2 * step + 1, {"loss_id": losses[step % 2]})
        results = [await here.result(request) for request in requests]
        image = crash_image(tmp_path / "live", tmp_path / "image")
        undisturbed = await weights_of(here, run_id, 9, "end")
    async with world(image) as here:
        assert [await here.result(request) for request in requests] == results
        assert await weights_of(here, run_id, 9, "end") == undisturbed


async def test_a_custom_loss_trains_as_its_formula_says(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        custom, known = await here.create_run(0), await here.create_run(1)
        loss_id = await create(here, weighted(-1.0))
        for request in await train(here, custom, 1, {"loss_id": loss_id}) + await here.step(known, 1):
            await here.result(request)
        ours = await here.result(await here.forward_backward(custom, 3))
        assert ours == await here.result(await here.forward_backward(known, 3))


async def test_a_creation_that_is_repeated_answers_the_same(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        first, repeat = [await here.runtime.create_custom_loss(TENANT, here.session, 0, weighted(1.0)) for _ in "ab"]
        assert first == repeat
        answer = await here.answer(first)
    async with world(tmp_path) as here:
        assert await here.answer(first) == answer


async def test_a_graph_that_is_no_loss_fails_its_creation_by_name(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        order = weighted(1.0, target="torch.poisson")
        outcome = await here.outcome(await here.runtime.create_custom_loss(TENANT, here.session, 0, order))
        assert (outcome.state, outcome.error_category) == ("failed", "user")
        assert outcome.error is not None
        assert "node 'total' calls torch.poisson, which is random" in outcome.error


async def test_a_large_graph_is_kept_in_a_file(tmp_path: Path) -> None:
    async with world(tmp_path, inline_bytes=100) as here:
        await here.open_session()
        await create(here, weighted(1.0))
        assert list((tmp_path / "artifacts").rglob("*"))


async def test_a_dial_holds_the_answer_back(tmp_path: Path) -> None:
    async with world(tmp_path, dials={"create_custom_loss": "manual"}) as here:
        await here.open_session()
        request = await here.runtime.create_custom_loss(TENANT, here.session, 0, weighted(1.0))
        here.runtime.board.release(request)
        assert (await here.answer(request))["type"] == "create_custom_loss"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "give loss_id alone, as text"),
        ({"loss_id": 3.0}, "give loss_id alone, as text"),
        ({"loss_id": "x", "beta": 0.1}, "give loss_id alone, as text"),
        ({"loss_id": "nobody's"}, 'loss_fn_config.loss_id "nobody\'s" does not exist'),
    ],
)
async def test_a_loss_that_is_not_there_fails_its_request_and_the_run_goes_on(
    tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        run_id = await here.create_run()
        refused, step = await train(here, run_id, 1, config)
        outcome = await here.outcome(refused)
        assert (outcome.state, outcome.error_category) == ("failed", "user")
        assert message in (outcome.error or "")
        await here.result(step)
