"""Each key is a world of its own: what is another's does not exist, unless it is published, and then only to read."""

from collections.abc import Callable

import pytest

from mock_server.domain import checkpoints, operations, samplers, sessions, submissions, training_runs
from mock_server.domain.errors import Forbidden, NotFound
from mock_server.domain.operations import Body, Submission
from mock_server.domain.samplers import NewSampler
from mock_server.domain.training_runs import NewRun
from tests.domain.world import ALICE, BOB, MODEL, SEED, World


class Alices:
    """One of everything, Alice's."""

    def __init__(self, world: World) -> None:
        self.session = world.session()
        self.run = world.run(self.session)
        self.path = world.save(self.run, "a")
        self.sampler = world.sampler(self.session, 0)
        self.operation = world.submit(self.run, 1).id


def submission(target: str) -> Submission:
    return Submission(BOB, "sample", target, 1, Body.of("application/json", b"{}"))


ATTEMPTS: dict[str, Callable[[World, Alices], object]] = {
    "look at a session": lambda world, alices: world(sessions.owned, BOB, alices.session),
    "list a session": lambda world, alices: world(sessions.content, BOB, alices.session),
    "keep a session alive": lambda world, alices: world(sessions.check_alive, BOB, alices.session),
    "finish a session": lambda world, alices: world(
        sessions.finish, BOB, alices.session, reason="success", detail=None
    ),
    "create a run in a session": lambda world, alices: world(
        training_runs.create, BOB, NewRun(alices.session, 9, MODEL), SEED
    ),
    "create a sampler in a session": lambda world, alices: world(
        samplers.create, BOB, NewSampler(alices.session, 9, MODEL)
    ),
    "look at a run": lambda world, alices: world(training_runs.owned, BOB, alices.run),
    "look at a run in any status": lambda world, alices: world(training_runs.any_status, BOB, alices.run),
    "summarise a run": lambda world, alices: world(training_runs.summary, BOB, alices.run),
    "train a run": lambda world, alices: world(submissions.first_to_run, submission(alices.run), 10),
    "list a run's checkpoints": lambda world, alices: world(checkpoints.of_run, BOB, alices.run, limit=None, offset=0),
    "list a run's checkpoints from the middle": lambda world, alices: world(
        checkpoints.of_run, BOB, alices.run, limit=5, offset=1
    ),
    "read a checkpoint": lambda world, alices: world(checkpoints.readable, BOB, alices.path),
    "delete a checkpoint": lambda world, alices: world(checkpoints.delete, BOB, alices.path),
    "publish a checkpoint": lambda world, alices: world(checkpoints.set_public, BOB, alices.path, public=True),
    "end a checkpoint": lambda world, alices: world(checkpoints.set_ttl, BOB, alices.path, 0),
    "sample from a checkpoint": lambda world, alices: world.sampler(world.session(BOB), 0, alices.path, BOB),
    "fork a checkpoint": lambda world, alices: world(
        submissions.run_from_checkpoint, BOB, world.session(BOB), 1, str(alices.path), {}
    ),
    "look at a sampler": lambda world, alices: world(samplers.owned, BOB, alices.sampler),
    "join a sampler": lambda world, alices: world(samplers.join, BOB, alices.sampler),
    "sample from a sampler": lambda world, alices: world(submissions.usable_sampler, BOB, alices.sampler, lambda _: 10),
    "ask for a result": lambda world, alices: world(operations.found, BOB, alices.operation),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_what_is_anothers_does_not_exist(world: World, attempt: str) -> None:
    alices = Alices(world)
    with pytest.raises(NotFound) as refused:
        ATTEMPTS[attempt](world, alices)
    assert "does not exist" in str(refused.value)
    assert ALICE not in str(refused.value)


def test_a_message_tells_no_difference_between_anothers_and_none(world: World) -> None:
    alices = Alices(world)
    for rule, theirs, none in (
        (training_runs.owned, alices.run, "none:train:1"),
        (samplers.owned, alices.sampler, "none:sample:0"),
        (sessions.owned, alices.session, "none"),
        (operations.found, alices.operation, "none"),
    ):
        told = []
        for name in (theirs, none):
            with pytest.raises(NotFound) as refused:
                world(rule, BOB, name)
            told.append(str(refused.value).replace(name, "it"))
        assert told[0] == told[1]


def test_lists_show_ones_own(world: World) -> None:
    Alices(world)
    assert world(checkpoints.page, BOB, limit=10, offset=0) == ([], 0)
    assert world(sessions.page, BOB, limit=10, offset=0) == ([], 0)
    assert world(training_runs.page, BOB, project_id=None, limit=10, offset=0) == ([], 0)


def test_a_published_checkpoint_is_everybodys_to_read_and_its_owners_to_change(world: World) -> None:
    alices = Alices(world)
    private = world.save(alices.run, "private")
    world(checkpoints.set_public, ALICE, alices.path, public=True)
    assert world(checkpoints.readable, BOB, alices.path).name == "a"
    bobs = world.sampler(world.session(BOB), 0, alices.path, BOB)
    new = world(submissions.run_from_checkpoint, BOB, world.session(BOB), 1, str(alices.path), {})
    assert new.base_model == MODEL
    found, total = world(checkpoints.of_run, BOB, alices.run, limit=None, offset=0)
    assert ([row.name for row in found], total) == (["a"], 1)
    for attempt in ("delete a checkpoint", "publish a checkpoint", "end a checkpoint"):
        with pytest.raises(Forbidden, match="is published by someone else: only its owner can change it"):
            ATTEMPTS[attempt](world, alices)
    with pytest.raises(NotFound):
        world(checkpoints.readable, BOB, private)
    assert world.names(BOB) == []
    world(checkpoints.set_public, ALICE, alices.path, public=False)
    with pytest.raises(NotFound):
        world(checkpoints.readable, BOB, alices.path)
    # What was taken while it was published stays.
    assert world(samplers.owned, BOB, bobs).artifact == world(checkpoints.readable, ALICE, alices.path).artifact


def test_the_same_names_of_two_tenants_are_two_things(world: World) -> None:
    sessions_ = {tenant: world.session(tenant) for tenant in (ALICE, BOB)}
    assert sessions_[ALICE] != sessions_[BOB]
    paths = {
        tenant: world.save(world.run(session, tenant=tenant), "a", tenant=tenant)
        for tenant, session in sessions_.items()
    }
    world(checkpoints.delete, ALICE, paths[ALICE])
    assert world.names(BOB) == ["a"]
