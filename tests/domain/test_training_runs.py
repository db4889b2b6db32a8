"""Training runs: named by their session and number, described, listed, their prior settled once."""

import pytest

from mock_server.domain import accounts, checkpoints, forgetting, resumption, submissions, training_runs
from mock_server.domain.checkpoints import SaveOptions
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Conflict, Invalid, NotFound
from mock_server.domain.operations import Accepted, Body, Outcome, Submission
from mock_server.domain.training_runs import MAX_RANK, Adapter, NewRun
from mock_server.store import Transaction
from tests.domain.world import ALICE, BOB, MODEL, SEED, World, rows_in, set_status


def create(world: World, session: str, number: int = 1, content: bytes = b"{}", rank: int = 8) -> tuple[str, Accepted]:
    """The run's id, and the acceptance of the operation that creates it."""
    new = NewRun(session, number, MODEL, Adapter(rank=rank))
    body = Body.of("application/json", content)

    def rule(tx: Transaction) -> tuple[str, Accepted]:
        run, accepted, _ = submissions.create_run(tx, ALICE, new, "create_model", body, SEED)
        return run.id, accepted

    return world(rule)


def test_a_run_is_named_by_its_session_and_number(world: World) -> None:
    session = world.session()
    run, accepted = create(world, session, 3)
    assert run == f"{session}:train:3"  # the SDK computes it itself
    assert accepted.new
    assert create(world, session, 3) == (run, Accepted(accepted.id, accepted.position, new=False))
    assert rows_in_list(world) == [run]


def rows_in_list(world: World) -> list[str]:
    found, total = world(training_runs.page, ALICE, project_id=None, limit=100, offset=0)
    assert total == len(found)
    return [summary.run.id for summary in found]


def test_the_same_number_with_another_content_is_a_conflict(world: World) -> None:
    session = world.session()
    create(world, session)
    with pytest.raises(Conflict, match=rf"'{session}:train:1' was made before with another content"):
        create(world, session, content=b'{"other": 1}')


@pytest.mark.parametrize("results_expired", [False, True])
def test_a_run_whose_creation_failed_is_begun_anew(world: World, results_expired: bool) -> None:
    session = world.session()
    run, first = create(world, session, content=b"bad", rank=4)
    world.record(Outcome(first.id, "failed", error="no", error_category="user"))
    world(set_status, run, "failed")
    if results_expired:
        world.now += 1e6
        assert world(forgetting.expire, EVERYBODY, after=0) == [first.id]
    again, second = create(world, session, content=b"good", rank=16)
    assert (again, second.id, second.new) == (run, first.id, True)
    row = world(training_runs.any_status, ALICE, run)
    assert (row.status, row.rank) == ("creating", 16)
    assert [operation.id for operation in world(resumption.unfinished)] == [first.id]
    assert rows_in_list(world) == [run]
    assert world(rows_in, "operation") == 1


def test_a_run_is_not_there_before_its_creation_has_succeeded(world: World) -> None:
    run, _ = create(world, world.session())
    for status in ("creating", "failed"):
        world(set_status, run, status)
        with pytest.raises(NotFound, match="does not exist"):
            world(training_runs.owned, ALICE, run)
        assert world(training_runs.any_status, ALICE, run).status == status
    world(set_status, run, "active")
    assert world(training_runs.owned, ALICE, run).id == run


def test_a_seed_that_nobody_gave_comes_from_the_servers(world: World) -> None:
    session = world.session()
    seeds = [world(training_runs.owned, ALICE, world.run(session, number)).lora_seed for number in (1, 2)]
    assert seeds[0] != seeds[1]
    given = world.run(session, 3, adapter=Adapter(seed=2**63 - 1))
    assert world(training_runs.owned, ALICE, given).lora_seed == 2**63 - 1


@pytest.mark.parametrize("rank", [0, -1, MAX_RANK + 1])
def test_a_rank_that_no_adapter_has_is_refused(world: World, rank: int) -> None:
    with pytest.raises(Invalid, match=f"lora_config.rank is {rank}: give 1 to {MAX_RANK}"):
        create(world, world.session(), rank=rank)


def test_an_adapter_that_trains_nothing_is_refused_as_the_sdk_refuses_it(world: World) -> None:
    with pytest.raises(Invalid, match="set one of train_mlp, train_attn and train_unembed"):
        world.run(world.session(), adapter=Adapter(train_mlp=False, train_attn=False, train_unembed=False))


def test_a_run_made_from_a_checkpoint_has_its_shape(world: World) -> None:
    session = world.session()
    source = world.run(session, 1, adapter=Adapter(rank=4, seed=9, train_mlp=False, train_unembed=False))
    path = world.save(source, "a")
    new = world(submissions.run_from_checkpoint, ALICE, session, 2, str(path), {"why": "fork"})
    assert new.adapter == Adapter(rank=4, seed=9, train_mlp=False, train_attn=True, train_unembed=False)
    assert (new.base_model, new.optimizer, new.user_metadata) == (MODEL, {"type": "adamw"}, {"why": "fork"})


def test_a_summary_shows_the_newest_checkpoint_of_each_kind(world: World) -> None:
    run = world.run(world.session())
    assert world(training_runs.summary, ALICE, run).last_checkpoint is None
    for name in ("a", "b"):
        world.save(run, name)
        world.save(run, name, kind="sampler_weights")
    world.save(run, "c", SaveOptions(ttl_seconds=60))
    world.save(run, "d", kind="external_weights")
    summary = world(training_runs.summary, ALICE, run)
    assert summary.run.id == run
    assert summary.last_checkpoint is not None
    assert summary.last_sampler_checkpoint is not None
    assert (summary.last_checkpoint.name, summary.last_sampler_checkpoint.name) == ("c", "b")
    world.now += 60
    later = world(training_runs.summary, ALICE, run).last_checkpoint
    assert later is not None
    assert later.name == "b"


def test_pages_show_the_newest_first_and_the_total(world: World) -> None:
    session = world.session()
    projects = [world.session(project_id=name) for name in ("one", "two")]
    runs = [world.run(session, number) for number in range(1, 6)]
    in_one = [world.run(projects[0], number) for number in range(1, 4)]
    world.run(projects[1])
    world.run(world.session(BOB, project_id="one"), tenant=BOB)
    world.save(runs[0], "a")
    found, total = world(training_runs.page, ALICE, project_id=None, limit=3, offset=4)
    assert ([summary.run.id for summary in found], total) == ([runs[4], runs[3], runs[2]], 9)
    last, total = world(training_runs.page, ALICE, project_id=None, limit=3, offset=8)
    assert [(summary.run.id, summary.last_checkpoint and summary.last_checkpoint.name) for summary in last] == [
        (runs[0], "a")
    ]
    found, total = world(training_runs.page, ALICE, project_id="one", limit=2, offset=0)
    assert ([summary.run.id for summary in found], total) == ([in_one[2], in_one[1]], 3)
    assert world(training_runs.page, ALICE, project_id="three", limit=2, offset=0) == ([], 0)


@pytest.mark.parametrize(("served", "prior"), [(True, 257), (False, None)])
def test_the_prior_is_settled_at_the_first_operation_and_never_again(
    world: World, served: bool, prior: int | None
) -> None:
    run = world.run(world.session())
    if served:
        world(accounts.tokenizer_served, ALICE, "some/model")
    submission = Submission(ALICE, "forward_backward", run, 1, Body.of("application/json", b"1"))
    assert world(submissions.first_to_run, submission, 257).new
    world(accounts.tokenizer_served, ALICE, "another/model")
    assert not world(submissions.first_to_run, submission, 300).new
    row = world(training_runs.owned, ALICE, run)
    assert (row.prior_size, row.prior_fixed) == (prior, True)
    checkpoint = world(checkpoints.readable, ALICE, world.save(run, "a"))
    assert (checkpoint.prior_size, checkpoint.prior_fixed) == (prior, True)


def test_a_tokenizer_that_was_served_is_noted_once(world: World) -> None:
    for name in ("some/model", "another/model", "some/model"):
        world(accounts.tokenizer_served, ALICE, name)
    world.session()
    totals = world(accounts.totals, ALICE)
    assert (totals.hub_models, totals.sessions) == (["some/model", "another/model"], 1)
    assert not world(accounts.uses_our_tokenizers, BOB)


def test_an_unloaded_run_takes_no_more_operations(world: World) -> None:
    run = world.run(world.session())
    world(set_status, run, "unloaded")
    submission = Submission(ALICE, "optim_step", run, 1, Body.of("application/json", b"1"))
    with pytest.raises(Invalid, match="was unloaded: create a new one, or load one of its checkpoints"):
        world(submissions.first_to_run, submission, 10)
    assert world(rows_in, "operation") == 0
