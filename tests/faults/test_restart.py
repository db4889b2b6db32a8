"""The server ends and begins again within its process, while clients work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.live_app import KEY, MODEL, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp

TOKENS = list(range(20, 40))
DATUM = {
    "model_input": {"chunks": [{"type": "encoded_text", "tokens": TOKENS[:-1]}]},
    "loss_fn_inputs": {"target_tokens": {"data": TOKENS[1:], "dtype": "int64", "shape": [len(TOKENS) - 1]}},
}
DIES = {"restart": {"killed": True}}
BATCH = {"data": [DATUM], "loss_fn": "cross_entropy"}


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path, poll_seconds=5) as app:
        yield app


async def result(app: LiveApp, request_id: str) -> Any:
    while (answer := await app.call("POST", "retrieve_future", {"request_id": request_id})).status_code == 408:
        pass
    assert answer.status_code == 200, answer.text
    return answer.json()


async def steps(app: LiveApp, run: str, count: int) -> list[Any]:
    """The results of so many steps, all asked for before the first is fetched."""
    asked = []
    for number in range(count):
        seq_id = 2 * number + 1
        asked.append(await app.ask("forward_backward", model_id=run, seq_id=seq_id, forward_backward_input=BATCH))
        adam = {"learning_rate": 1e-3}
        asked.append(await app.ask("optim_step", model_id=run, seq_id=seq_id + 1, adam_params=adam))
    return await asyncio.gather(*(result(app, each["request_id"]) for each in asked))


@pytest.mark.parametrize("when", ["before", "after"])
async def test_each_operation_is_executed_once_whatever_was_queued(app: LiveApp, when: str) -> None:
    twin = await steps(app, await app.new_run(), 6)
    app.inject(DIES, "in_state", operation="optim_step", on=[2, 5], when=when)
    run = await app.new_run()
    before = app.runtime.board
    assert await steps(app, run, 6) == twin
    assert app.runtime.board is not before
    await app.runtime.settle()
    assert (await app.client.get(f"/__admin/runs/{run}")).json()["optimizer_steps"] == 6


@pytest.mark.parametrize("orderly", [True, False])
async def test_what_is_submitted_while_it_restarts_belongs_to_the_next_life(app: LiveApp, *, orderly: bool) -> None:
    twin = await steps(app, await app.new_run(), 5)
    runs = [await app.new_run() for _ in range(4)]

    async def restarts() -> None:
        for _ in range(3):
            await app.runtime.restart(orderly=orderly)

    found = await asyncio.gather(*(steps(app, run, 5) for run in runs), restarts())
    assert found == [twin] * 4 + [None]


async def test_what_had_ended_is_known_and_a_repeat_is_one(app: LiveApp) -> None:
    run = await app.new_run()
    step: dict[str, Any] = {"model_id": run, "seq_id": 1, "adam_params": {}}
    asked = await app.ask("optim_step", **step)
    told = await result(app, asked["request_id"])
    await app.runtime.restart(orderly=False)
    assert await app.ask("optim_step", **step) == asked
    assert await result(app, asked["request_id"]) == told


async def test_a_sample_that_was_being_decoded_is_decoded_anew(app: LiveApp) -> None:
    session = (await app.ask("create_session", tags=[]))["session_id"]
    made = await app.ask("create_sampling_session", session_id=session, sampling_session_seq_id=0, base_model=MODEL)
    sampler = made["sampling_session_id"]
    order = {
        "sampling_session_id": sampler,
        "prompt": {"chunks": [{"type": "encoded_text", "tokens": TOKENS}]},
        "sampling_params": {"max_tokens": 300, "stop": [], "seed": 5},
    }
    first = await result(app, (await app.ask("asample", seq_id=0, **order))["request_id"])
    app.inject(DIES, "in_state", operation="asample", on=1)
    asked = await app.ask("asample", seq_id=1, **order)
    assert (await result(app, asked["request_id"]))["sequences"] == first["sequences"]


async def test_who_polls_is_told_to_ask_again(app: LiveApp) -> None:
    run = await app.new_run()
    asked = await app.ask("optim_step", model_id=run, seq_id=2, adam_params={})  # number 1 is missing
    polling = asyncio.create_task(app.call("POST", "retrieve_future", {"request_id": asked["request_id"]}))
    operation = app.runtime.board.get(asked["request_id"])
    assert operation is not None
    while not operation.waiters:  # noqa: ASYNC110 - nobody tells when a poll begins to wait
        await asyncio.sleep(0)
    await app.runtime.restart(orderly=True)
    assert (await polling).status_code == 408
    await app.ask("optim_step", model_id=run, seq_id=1, adam_params={})
    assert (await result(app, asked["request_id"]))["type"] == "optim_step"


async def test_a_session_expires_for_want_of_heartbeats(app: LiveApp) -> None:
    run = await app.new_run()
    session = run.partition(":")[0]
    beat = {"session_id": session}
    assert (await app.call("POST", "session_heartbeat", beat)).status_code == 200
    given = {"effect": {"expire_session": {"session": "$first"}}, "api_key": KEY}
    assert (await app.client.post("/__admin/corruptions", json=given)).status_code == 200
    assert (await app.call("POST", "session_heartbeat", beat)).status_code == 410
    new = {"session_id": session, "model_seq_id": 1, "base_model": MODEL, "lora_config": {"rank": 4}}
    assert (await app.call("POST", "create_model", new)).status_code == 410
    again = await app.client.post("/__admin/corruptions", json=given)
    assert (again.status_code, "or it has ended" in again.json()["detail"]) == (400, True)
