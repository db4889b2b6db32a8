"""Checkpoints: saved, overwritten, shared, expired, deleted; and the files go with the last row that points at them."""

from functools import partial

import pytest

from mock_server.domain import checkpoints
from mock_server.domain.checkpoints import MAX_TTL_SECONDS, NAME_TAKEN, SaveOptions
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Invalid, NotFound, OperationFailed
from mock_server.domain.paths import CheckpointPath
from mock_server.domain.training_runs import Adapter
from tests.domain.world import ALICE, BOB, MODEL, World, references


def content(world: World, path: CheckpointPath, tenant: str = ALICE) -> bytes:
    return world.artifacts.read(world(checkpoints.readable, tenant, path).artifact)


def test_a_checkpoint_outlives_what_its_run_becomes(world: World) -> None:
    run = world.run(world.session(), adapter=Adapter(rank=4, seed=3, train_attn=False))
    path = world.save(run, "a", SaveOptions(user_metadata={"epoch": 2}))
    row = world(checkpoints.readable, ALICE, path)
    assert (row.base_model, row.rank, row.lora_seed, row.train_attn) == (MODEL, 4, 3, False)
    assert (row.optimizer, row.user_metadata) == ({"type": "adamw"}, {"epoch": 2})
    assert (row.public, row.created_at, row.expires_at) == (False, world.now, None)
    assert row.size_bytes == len(content(world, path))


def test_a_name_is_taken_within_its_kind_and_run_only(world: World) -> None:
    session = world.session()
    run, other = world.run(session, 1), world.run(session, 2)
    world.save(run, "a")
    with pytest.raises(OperationFailed) as refused:
        world.save(run, "a")
    assert (str(refused.value), refused.value.category) == (NAME_TAKEN, "user")
    world.save(run, "a", kind="sampler_weights")
    world.save(other, "a")
    assert world.names() == ["a", "a", "a"]
    world.check_files()


def test_overwriting_replaces_the_content_and_keeps_the_count(world: World) -> None:
    run = world.run(world.session())
    first = world.save(run, "a")
    before = content(world, first)
    world.now += 1
    world.save(run, "a", SaveOptions(overwrite=True))
    assert content(world, first) != before
    assert world(checkpoints.page, ALICE, limit=0, offset=0) == ([], 1)
    assert list(world(references).values()) == [1]
    world.check_files()


def test_overwriting_a_name_that_is_free_is_a_save(world: World) -> None:
    world.save(world.run(world.session()), "a", SaveOptions(overwrite=True))
    assert world.names() == ["a"]


def test_a_sampler_keeps_weights_that_were_deleted_or_overwritten(world: World) -> None:
    session = world.session()
    run = world.run(session)
    path = world.save(run, "a")
    world.sampler(session, 0, path)
    world.sampler(session, 1, path)
    world.now += 1
    world.save(run, "a", SaveOptions(overwrite=True))
    assert sorted(world(references).values()) == [1, 2]
    world(checkpoints.delete, ALICE, path)
    assert list(world(references).values()) == [2]
    world.check_files()


def test_what_was_deleted_is_gone_with_its_file(world: World) -> None:
    path = world.save(world.run(world.session()), "a")
    world(checkpoints.delete, ALICE, path)
    with pytest.raises(NotFound, match=f"checkpoint {path} does not exist: it was never saved, was deleted, or has"):
        world(checkpoints.delete, ALICE, path)
    assert world(checkpoints.page, ALICE, limit=10, offset=0) == ([], 0)
    assert world.files() == set()


def test_an_expired_checkpoint_is_gone_before_anybody_sweeps(world: World) -> None:
    run = world.run(world.session())
    path = world.save(run, "a", SaveOptions(ttl_seconds=3600))
    world.save(run, "b")
    world.now += 3599.9
    assert world(checkpoints.readable, ALICE, path).name == "a"
    world.now += 0.1
    with pytest.raises(NotFound):
        world(checkpoints.readable, ALICE, path)
    with pytest.raises(NotFound):
        world(checkpoints.set_ttl, ALICE, path, None)
    assert world.names() == ["b"]
    assert world(checkpoints.page, ALICE, limit=10, offset=0)[1] == 1
    assert world(checkpoints.of_run, ALICE, run, limit=None, offset=0)[1] == 1
    world.save(run, "a")  # its name is free again
    assert world(checkpoints.page, ALICE, limit=10, offset=0)[1] == 2
    world.check_files()


def test_the_sweep_removes_what_expired_and_changes_no_total(world: World) -> None:
    run = world.run(world.session())
    for number in range(5):
        world.save(run, f"{number}", SaveOptions(ttl_seconds=10 * number or None))
    world.now += 20
    before = world(checkpoints.page, ALICE, limit=10, offset=0)
    assert before[1] == 3
    assert world(checkpoints.sweep, EVERYBODY) == 2
    assert world(checkpoints.sweep, EVERYBODY) == 0
    assert world(checkpoints.page, ALICE, limit=10, offset=0) == before
    world.check_files()


def test_a_time_to_live_can_be_given_changed_and_taken_away(world: World) -> None:
    path = world.save(world.run(world.session()), "a")
    for ttl, expiry in ((60, world.now + 60), (None, None), (0, world.now)):
        world(checkpoints.set_ttl, ALICE, path, ttl)
        row = world(checkpoints.of_run, ALICE, path.run_id, limit=1, offset=0)[0]
        assert [found.expires_at for found in row] == ([] if ttl == 0 else [expiry])


@pytest.mark.parametrize("ttl", [None, 3600, MAX_TTL_SECONDS])
def test_a_time_to_live_within_bounds_is_taken(ttl: int | None) -> None:
    checkpoints.check_ttl(ttl, 3600)


@pytest.mark.parametrize("ttl", [3599, 0, -1, MAX_TTL_SECONDS + 1])
def test_a_time_to_live_out_of_bounds_is_refused(ttl: int) -> None:
    with pytest.raises(Invalid, match=f"ttl_seconds is {ttl}: give 3600 to {MAX_TTL_SECONDS}, or leave it out"):
        checkpoints.check_ttl(ttl, 3600)


def test_publishing_twice_and_withdrawing_twice_are_no_errors(world: World) -> None:
    path = world.save(world.run(world.session()), "a")
    for public in (True, True, False, False):
        world(checkpoints.set_public, ALICE, path, public=public)
        assert world(checkpoints.readable, ALICE, path).public is public


def test_pages_show_the_newest_first_whatever_their_run(world: World) -> None:
    session = world.session()
    runs = [world.run(session, 1), world.run(session, 2)]
    for number in range(10):
        world.save(runs[number % 2], f"{number}", kind="weights" if number % 3 else "sampler_weights")
    world.save(world.run(world.session(BOB), tenant=BOB), "bobs", tenant=BOB)
    seen: list[str] = []
    for offset in range(0, 12, 4):
        found, total = world(checkpoints.page, ALICE, limit=4, offset=offset)
        assert total == 10
        seen += [row.name for row in found]
    assert seen == [str(number) for number in reversed(range(10))]


def test_a_runs_checkpoints_come_all_at_once_or_in_pages(world: World) -> None:
    run = world.run(world.session())
    for number in range(5):
        world.save(run, f"{number}", kind="weights" if number % 2 else "sampler_weights")
    everything, total = world(checkpoints.of_run, ALICE, run, limit=None, offset=0)
    assert ([row.name for row in everything], total) == (["4", "3", "2", "1", "0"], 5)
    part, total = world(checkpoints.of_run, ALICE, run, limit=2, offset=1)
    assert ([row.name for row in part], total) == (["3", "2"], 5)
    rest, total = world(checkpoints.of_run, ALICE, run, limit=None, offset=3)
    assert ([row.name for row in rest], total) == (["1", "0"], 5)
    assert world(checkpoints.of_run, ALICE, world.run(world.session()), limit=None, offset=0) == ([], 0)


def test_pages_without_external_weights_count_none(world: World) -> None:
    run = world.run(world.session())
    for number in range(9):
        world.save(run, f"{number}", kind="external_weights" if number % 3 == 0 else "weights")
    world.save(run, "gone", SaveOptions(ttl_seconds=5), kind="external_weights")
    world.now += 5  # expired, not swept: out of the total once, not twice
    for rule in (checkpoints.page, partial(checkpoints.of_run, run_id=run)):
        seen: list[str] = []
        for offset in range(0, 8, 2):
            found, total = world(rule, ALICE, limit=2, offset=offset, external=False)
            assert total == 6
            seen += [row.name for row in found]
        assert seen == ["8", "7", "5", "4", "2", "1"]
        assert world(rule, ALICE, limit=1, offset=0)[1] == 9


def test_a_strangers_page_of_a_run_leaves_external_weights_out_too(world: World) -> None:
    path = world.save(world.run(world.session()), "e", kind="external_weights")
    world(checkpoints.set_public, ALICE, path, public=True)
    assert world(checkpoints.of_run, BOB, path.run_id, limit=None, offset=0)[1] == 1
    with pytest.raises(NotFound):
        world(checkpoints.of_run, BOB, path.run_id, limit=None, offset=0, external=False)
