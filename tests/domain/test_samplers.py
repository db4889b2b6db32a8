"""Samplers: two counters, repeats, and clones."""

import pytest

from mock_server.domain import accounts, checkpoints, samplers, sessions, submissions, training_runs
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Conflict, Gone, Invalid, NotFound
from mock_server.domain.samplers import NewSampler
from mock_server.store import Transaction
from tests.domain.world import ALICE, MODEL, World, rows_in


def save_for_sampler(world: World, run_id: str, number: int) -> str:
    """What save_weights_for_sampler without a path does."""
    file = world.artifacts.write(b"weights")

    def rule(tx: Transaction) -> str:
        run = training_runs.owned(tx, ALICE, run_id)
        return samplers.saved(tx, run, number, tx.add_artifact(file)).id

    return world(rule)


def test_a_sampler_of_a_base_model_has_no_weights_of_its_own(world: World) -> None:
    session = world.session()
    sampler = world(samplers.owned, ALICE, world.sampler(session, 4))
    assert sampler.id == f"{session}:sample:4"
    assert (sampler.base_model, sampler.model_path, sampler.artifact) == (MODEL, None, None)


def test_a_sampler_of_a_checkpoint_has_its_weights_and_base_model(world: World) -> None:
    session = world.session()
    path = world.save(world.run(session), "a", kind="sampler_weights")
    sampler = world(samplers.owned, ALICE, world.sampler(session, 0, path))
    assert (sampler.base_model, sampler.model_path) == (MODEL, str(path))
    assert sampler.artifact is not None
    assert world.artifacts.read(sampler.artifact).startswith(str(path).encode())


def test_a_repeat_gets_the_first_sampler_even_when_its_checkpoint_is_gone(world: World) -> None:
    session = world.session()
    path = world.save(world.run(session), "a")
    first = world.sampler(session, 0, path)
    world(checkpoints.delete, ALICE, path)
    assert world.sampler(session, 0, path) == first
    assert world(rows_in, "sampler") == 1


def test_a_number_with_another_content_is_a_conflict(world: World) -> None:
    session = world.session()
    world.sampler(session, 0)
    for other in (NewSampler(session, 0, "other/model"), NewSampler(session, 0, None, "tinker://a/weights/b")):
        with pytest.raises(Conflict, match=f"sampling_session_seq_id 0 .* already names a sampler of {MODEL}"):
            world(samplers.create, ALICE, other)


def test_two_counters_may_give_the_same_number(world: World) -> None:
    """Tinkex numbers the samplers that it creates and those that it saves separately."""
    session = world.session()
    run = world.run(session)
    made = {
        world.sampler(session, 0),
        save_for_sampler(world, run, 0),
        save_for_sampler(world, run, 1),
        world.sampler(session, 1),
    }
    assert made == {
        f"{session}:sample:0",
        f"{session}:sample:0-saved",
        f"{session}:sample:1",
        f"{session}:sample:1-created",
    }
    assert world.sampler(session, 1) == f"{session}:sample:1-created"
    for sampler in made:
        assert world(samplers.owned, ALICE, sampler).id == sampler
    with pytest.raises(Invalid, match=r"sampling_session_seq_id 1 of session .* already names a sampler"):
        save_for_sampler(world, run, 1)


@pytest.mark.parametrize(
    ("base_model", "with_path", "message"),
    [
        (None, False, "base_model and model_path are both absent: give one of them"),
        ("other/model", True, f"base_model is 'other/model', but .* was trained from '{MODEL}': leave base_model out"),
    ],
)
def test_a_sampler_needs_to_know_its_weights(
    world: World, base_model: str | None, with_path: bool, message: str
) -> None:
    session = world.session()
    path = str(world.save(world.run(session), "a")) if with_path else None
    with pytest.raises(Invalid, match=message):
        world(samplers.create, ALICE, NewSampler(session, 0, base_model, path))
    assert world(rows_in, "sampler") == 0


def test_a_number_that_names_a_sampler_already_does_not_say_what_it_samples(world: World) -> None:
    session = world.session()
    world.sampler(session, 0)
    with pytest.raises(Invalid, match="base_model and model_path are both absent"):
        world(samplers.create, ALICE, NewSampler(session, 0, None, None))


def test_a_checkpoint_that_is_not_there_makes_no_sampler(world: World) -> None:
    with pytest.raises(NotFound, match="checkpoint tinker://x/weights/y does not exist"):
        world(samplers.create, ALICE, NewSampler(world.session(), 0, None, "tinker://x/weights/y"))
    with pytest.raises(Invalid, match="model_path is 'y'"):
        world(samplers.create, ALICE, NewSampler(world.session(), 0, None, "y"))


def test_an_expired_session_makes_no_sampler(world: World) -> None:
    session = world.session()
    world.now += 10
    world(sessions.expire, EVERYBODY, after=0)
    with pytest.raises(Gone):
        world.sampler(session, 0)


def test_every_clone_gets_a_number_of_its_own(world: World) -> None:
    sampler = world.sampler(world.session(), 0)
    assert [world(samplers.join, ALICE, sampler) for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("served", [True, False])
def test_the_prior_of_a_base_model_is_settled_at_the_first_sample(world: World, served: bool) -> None:
    sampler = world.sampler(world.session(), 0)
    if served:
        world(accounts.tokenizer_served, ALICE, "some/model")
    for _ in range(2):
        usable = world(submissions.usable_sampler, ALICE, sampler, {MODEL: 257}.__getitem__)
        assert (usable.prior_size, usable.prior_fixed) == (257 if served else None, True)
        world(accounts.tokenizer_served, ALICE, "another/model")
