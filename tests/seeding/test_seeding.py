"""Seed data: each by name, the same ids and numbers every time, and wrong ones named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mock_server.domain import oversight
from mock_server.seeding import InvalidSeedData, Sown, catalogue, seed_data, sow
from tests.runtime.world import TENANT, world

if TYPE_CHECKING:
    from pathlib import Path

    from mock_server.domain.oversight import RunState
    from tests.runtime.world import World


async def states(here: World) -> list[RunState]:
    await here.runtime.settle()
    return await here.runtime.store.read(oversight.runs, TENANT)


async def test_a_run_with_two_checkpoints(tmp_path: Path) -> None:
    # Whatever the dials say: nobody waits.
    async with world(tmp_path, dials={"optim_step": "never", "save_weights": "manual"}) as here:
        sown = await sow(here.runtime, TENANT, seed_data("one-run-two-checkpoints"))
        (state,) = await states(here)
    assert sown.runs == [state.run.id] == [f"{sown.sessions[0]}:train:0"]
    assert sown.checkpoints == [f"tinker://{state.run.id}/weights/after-{steps}" for steps in (2, 4)]
    assert (state.run.optimizer_steps, state.last_seq_id, state.operations) == (4, 10, {"succeeded": 11})


@pytest.mark.parametrize("name", sorted(catalogue()))
async def test_every_seed_can_be_sown_twice_with_the_same_outcome(tmp_path: Path, name: str) -> None:
    made: list[tuple[Sown, list[bytes]]] = []
    for life in ("first", "second"):
        async with world(tmp_path / life) as here:
            sown = await sow(here.runtime, TENANT, seed_data(name))
            found = await states(here)
            artifacts = here.runtime.store.artifacts
            content = [artifacts.read(each.artifact) for state in found for each in state.checkpoints]
            made.append((sown, content))
    assert made[0] == made[1]
    assert made[0][0].sessions
    assert len(made[0][0].checkpoints) == len(made[0][1])
    assert catalogue()[name].description


async def test_samplers_prefer_weights_for_samplers(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        sown = await sow(here.runtime, TENANT, seed_data("one-run-ready-to-sample"))
        order = await here.sample(sown.samplers[0], 0, max_tokens=2)
        assert (await here.outcome(order)).state == "succeeded"
    assert [path.split("/")[-2] for path in sown.checkpoints] == ["weights", "sampler_weights"]


async def test_what_is_given_is_sown_beside_what_is_there(tmp_path: Path) -> None:
    given: dict[str, Any] = {"sessions": [{"tags": ["mine"], "samplers": [{"base_model": "Qwen/Qwen3-8B"}]}]}
    async with world(tmp_path) as here:
        first = await sow(here.runtime, TENANT, seed_data(given))
        second = await sow(here.runtime, TENANT, seed_data(given))
    assert len({*first.sessions, *second.sessions, *first.samplers, *second.samplers}) == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("one-runs", "seed data 'one-runs' is unknown: did you mean one-run?"),
        ({"sessions": []}, "seed_data.sessions: List should have at least 1 item"),
        ({"sessions": [{"rnus": []}]}, "seed_data.sessions.0.rnus: there is no such field"),
        ({"sessions": [{"runs": [{"do": [{"train": 1, "save": "a"}]}]}]}, "give one of train, save, save_for_sampler"),
        ({"sessions": [{"runs": [{"do": [{"save": "a", "save_each": "b"}]}]}]}, "save_each belongs to train"),
        ({"sessions": [{"runs": [{"do": [{"train": 1, "ttl_seconds": 5}]}]}]}, "ttl_seconds belongs to save"),
        ({"sessions": [{"samplers": [{}]}]}, "give either base_model or of"),
    ],
)
def test_seed_data_that_can_not_be_meant_are_refused(given: Any, message: str) -> None:
    with pytest.raises(InvalidSeedData) as refused:
        seed_data(given)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("session", "message"),
    [
        ({"samplers": [{"of": "nothing"}]}, "a sampler is of 'nothing', and no run of its session saves that"),
        ({"runs": [{"do": [{"publish": "x"}]}]}, "publish is 'x', and the run has saved nothing of that name"),
        ({"runs": [{"do": [{"save": "x"}, {"save": "x"}]}]}, "seed data can't be made: Checkpoint with the same name"),
    ],
)
async def test_seed_data_that_a_rule_refuses_say_so(tmp_path: Path, session: Any, message: str) -> None:
    async with world(tmp_path) as here:
        with pytest.raises(InvalidSeedData) as refused:
            await sow(here.runtime, TENANT, seed_data({"sessions": [session]}))
    assert message in str(refused.value)
