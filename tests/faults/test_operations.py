"""Operations that are told otherwise than they ended: the work is done once all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mock_server.faults import FaultRule
from tests.api.live_app import MODEL, live_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.api.live_app import LiveApp


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[LiveApp]:
    async with live_app(tmp_path, clock="auto", poll_seconds=10) as app:
        yield app


async def steps(app: LiveApp, run: str, count: int) -> list[str]:
    """So many optimizer steps, asked for at once; their request ids."""
    asked = [await app.ask("optim_step", model_id=run, seq_id=n, adam_params={}) for n in range(1, count + 1)]
    return [each["request_id"] for each in asked]


async def sampler(app: LiveApp) -> str:
    session = (await app.ask("create_session", tags=[]))["session_id"]
    made = await app.ask("create_sampling_session", session_id=session, sampling_session_seq_id=0, base_model=MODEL)
    return str(made["sampling_session_id"])


async def sample(app: LiveApp, of: str, seq_id: int) -> str:
    prompt = {"chunks": [{"type": "encoded_text", "tokens": [1, 2]}]}
    asked = await app.ask(
        "asample", sampling_session_id=of, seq_id=seq_id, prompt=prompt, sampling_params={"max_tokens": 2, "stop": []}
    )
    return str(asked["request_id"])


async def poll(app: LiveApp, request_id: str) -> Any:
    """What a poll is told: the status of its answer where that is no 200, else its body."""
    answer = await app.call("POST", "retrieve_future", {"request_id": request_id})
    return answer.json() if answer.status_code == 200 else answer.status_code


def is_step(told: Any) -> bool:
    return isinstance(told, dict) and told.get("type") == "optim_step"


async def test_a_result_is_told_behind_those_of_later_operations(app: LiveApp) -> None:
    run = await app.new_run()
    app.inject({"out_of_order": {"behind": 2}}, "in_operation", operation="optim_step", on=1)
    first, second, third = await steps(app, run, 3)
    await app.runtime.settle()
    told = [await poll(app, request_id) for request_id in (third, second, first)]
    assert all(map(is_step, told))


async def test_it_waits_for_as_many_as_were_ordered_and_not_for_ever(app: LiveApp) -> None:
    run = await app.new_run()
    app.inject({"out_of_order": {"behind": 2, "seconds": 25}}, "in_operation", operation="optim_step", on=1)
    first, second = await steps(app, run, 2)
    assert is_step(await poll(app, second))
    assert await poll(app, first) == 408
    while (told := await poll(app, first)) == 408:
        pass
    assert is_step(told)


async def test_a_sample_ends_twice_for_who_polls_for_its_sampler(app: LiveApp) -> None:
    of = await sampler(app)
    app.inject({"finish_twice": {"seconds": 5}}, "in_operation", operation="asample", on=1)
    request_id, other = [await sample(app, of, seq_id) for seq_id in range(2)]
    met: list[tuple[int, str]] = []
    while len(met) < 3:
        cursor = met[-1][0] if met else 0
        polled = await app.ask(
            "retrieve_futures",
            target={"type": "sampling_session", "sampling_session_id": of, "cloned_sampler_id": 0},
            prev_cursor=cursor,
            retrieved_request_ids=[name for _, name in met],
        )
        met += [(polled["cursor"], each["request_id"]) for each in polled["completions"]]
    assert sorted(name for _, name in met) == sorted([request_id, request_id, other])
    assert met[-1][1] == request_id


async def test_a_failure_is_told_at_first_though_the_step_was_made(app: LiveApp) -> None:
    run = await app.new_run()
    app.inject({"false_failure": {"polls": 2, "message": "lost a GPU"}}, "in_operation", operation="optim_step", on=1)
    (request_id,) = await steps(app, run, 1)
    told = [await poll(app, request_id) for _ in range(3)]
    assert told[:2] == [{"error": "lost a GPU", "category": "server"}] * 2
    assert is_step(told[2])


@pytest.mark.parametrize("kind", ["optim_step", "save_weights", "asample"])
async def test_an_expired_promise_is_gone_and_its_work_is_done(app: LiveApp, kind: str) -> None:
    run = await app.new_run()
    app.inject("expire_promise", "in_operation", operation=kind, on=1)
    if kind == "asample":
        request_id = await sample(app, await sampler(app), 0)
    elif kind == "optim_step":
        (request_id,) = await steps(app, run, 1)
    else:
        request_id = (await app.ask("save_weights", model_id=run, path="kept", seq_id=1))["request_id"]
    while (told := await poll(app, request_id)) == 408:
        pass
    assert told == 410
    assert await poll(app, request_id) == 410
    app.runtime.board._live.clear()
    assert await poll(app, request_id) == 410
    if kind == "save_weights":
        assert (await app.call("GET", f"training_runs/{run}/checkpoints/weights/kept")).status_code == 200
    if kind == "optim_step":
        asked = await app.ask("optim_step", model_id=run, seq_id=2, adam_params={})
        assert is_step(await poll(app, asked["request_id"]))
        (worker,) = app.runtime._life.runs._workers.values()
        assert worker.state is not None
        assert worker.state.optimizer_steps == 2


async def test_interferences_stack(app: LiveApp) -> None:
    run = await app.new_run()
    app.inject({"delay": {"seconds": 25}}, "in_operation", operation="optim_step", on=1)
    app.inject({"false_failure": {"message": "no"}}, "in_operation", operation="optim_step", on=1)
    (request_id,) = await steps(app, run, 1)
    assert (await poll(app, request_id))["error"] == "no"
    assert await poll(app, request_id) == 408
    while (told := await poll(app, request_id)) == 408:
        pass
    assert is_step(told)


def test_a_call_without_an_operation_has_none_to_disturb() -> None:
    with pytest.raises(ValueError, match="create_session submits no operation: give create_model or forward"):
        FaultRule.parse({"effect": "stuck", "phase": "in_operation", "operation": "create_session"})


async def test_the_answers_to_its_polls_tell_what_disturbs_an_operation(app: LiveApp) -> None:
    run = await app.new_run()
    app.inject({"pause": {"seconds": 25}}, "in_operation", operation="optim_step", on=1)
    app.inject({"false_failure": {"polls": 1}}, "in_operation", operation="optim_step", on=1, silent=True)
    disturbed, other = await steps(app, run, 2)
    told = []
    for request_id in (disturbed, disturbed, other):
        answer = await app.call("POST", "retrieve_future", {"request_id": request_id})
        told.append(answer.headers.get("x-tinker-mock-fault"))
    assert told == ["pause", "pause", None]


async def test_a_poll_that_no_rule_concerns_is_not_searched_for_what_it_is_about(
    app: LiveApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await app.new_run()
    app.inject({"false_failure": {"polls": 1}}, "in_operation", operation="optim_step", on=1)
    disturbed, other = await steps(app, run, 2)
    monkeypatch.delattr("mock_server.faults.layer.facts_of")
    assert is_step(await poll(app, other))
    assert not is_step(await poll(app, disturbed))
    assert is_step(await poll(app, disturbed))
