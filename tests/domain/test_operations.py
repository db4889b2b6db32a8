"""Operations: written down once, ended once, remembered as long as they must be."""

from dataclasses import replace

import pytest

from mock_server.domain import forgetting, ids, operations, resumption
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Conflict, Gone, Invalid, NotFound
from mock_server.domain.ids import END_OF_POSITIONS, POSITIONS_PER_SEQ_ID
from mock_server.domain.operations import Accepted, Body, Outcome, Submission
from mock_server.store import Transaction
from mock_server.store.tables import OPERATIONS, RUNS
from tests.domain.world import ALICE, BOB, World, references, rows_in

RUN = "session:train:1"
MAX_SEQ_ID = END_OF_POSITIONS // POSITIONS_PER_SEQ_ID


def succeed(world: World, operation: Accepted, result: bytes = b"{}", *, in_file: bool = False) -> None:
    file = world.artifacts.write(result) if in_file else None
    world.record(Outcome(operation.id, "succeeded", "application/json", result, file))


def fail(world: World, operation: Accepted, error: str = "wrong") -> None:
    world.record(Outcome(operation.id, "failed", error=error, error_category="user"))


def outcome(world: World, operation_id: str) -> Outcome:
    return world(lambda tx: operations.outcome(tx, operations.found(tx, ALICE, operation_id)))


def stored(world: World, operation: Accepted) -> dict[str, object]:
    def read(tx: Transaction) -> dict[str, object]:
        return dict(tx.connection.execute(OPERATIONS.select().where(OPERATIONS.c.id == operation.id)).mappings().one())

    return world(read)


# Submitting.


def test_a_repeat_gets_the_same_id_and_writes_nothing(world: World) -> None:
    first = world.submit(RUN, 3, b"content")
    assert first == Accepted(ids.operation_id(RUN, 3), 3 * POSITIONS_PER_SEQ_ID, new=True)
    assert world.submit(RUN, 3, b"content") == replace(first, new=False)
    succeed(world, first)
    assert world.submit(RUN, 3, b"content") == replace(first, new=False)
    assert world(rows_in, "operation") == 1


def test_a_number_that_was_used_for_something_else_is_a_conflict_and_does_no_harm(world: World) -> None:
    first = world.submit(RUN, 3, b"content")
    with pytest.raises(
        Conflict, match=f"seq_id 3 of '{RUN}' was made before with another content: repeat it unchanged"
    ):
        world.submit(RUN, 3, b"another")
    succeed(world, first)
    assert outcome(world, first.id).state == "succeeded"


def test_the_same_number_of_another_target_is_another_operation(world: World) -> None:
    assert world.submit(RUN, 3).id != world.submit("session:train:2", 3).id


def test_operations_left_over_come_back_in_the_order_of_their_numbers(world: World) -> None:
    for number in (5, 7, 6, 1):
        world.submit(RUN, number)
    done = world.submit(RUN, 2)
    succeed(world, done)
    world.submit("another:train:1", 9)
    left = [(row.target, row.seq_id) for row in world(resumption.unfinished)]
    assert left == [("another:train:1", 9), (RUN, 1), (RUN, 5), (RUN, 6), (RUN, 7)]


def test_one_without_a_number_comes_after_everything_so_far_and_before_what_follows(world: World) -> None:
    placed = [
        world.submit(RUN, None),
        world.submit(RUN, 1),
        world.submit(RUN, None),
        world.submit(RUN, None),
        world.submit(RUN, 2),
        world.submit(RUN, None),
    ]
    assert [operation.position for operation in placed] == sorted({operation.position for operation in placed})
    assert len({operation.id for operation in placed}) == 6


@pytest.mark.parametrize("seq_id", [-1, MAX_SEQ_ID + 1, 2**70])
def test_a_number_that_no_row_can_hold_is_refused(world: World, seq_id: int) -> None:
    with pytest.raises(Invalid, match=f"seq_id is {seq_id}: give 0 to {MAX_SEQ_ID}"):
        world.submit(RUN, seq_id)
    assert world.submit(RUN, MAX_SEQ_ID).position < 2**63


def test_a_long_body_lives_in_its_file(world: World) -> None:
    operation = world.submit(RUN, 1, b"long" * 100, in_file=True)
    row = stored(world, operation)
    assert row["body"] is None
    assert world(references) == {row["body_file"]: 1}
    body = world(operations.body, operation.id)
    assert body == Body.of("application/json", b"long" * 100)


def test_an_empty_body_is_one_too(world: World) -> None:
    assert world(operations.body, world.submit(RUN, 1, b"").id).content == b""


def test_a_refused_request_has_used_up_its_number(world: World) -> None:
    refused = Submission(ALICE, "refused", RUN, 4, Body.of("application/json", b"nonsense"))
    world(operations.consume, refused, "the request was nonsense")
    ended = outcome(world, ids.operation_id(RUN, 4))
    assert (ended.state, ended.error, ended.error_category) == ("failed", "the request was nonsense", "user")
    assert world(resumption.last_position, RUN) == 4 * POSITIONS_PER_SEQ_ID
    assert world(resumption.unfinished) == []
    world(operations.consume, refused, "again")
    assert outcome(world, ids.operation_id(RUN, 4)).error == "the request was nonsense"


def test_a_refusal_changes_nothing_of_a_number_that_was_used_before(world: World) -> None:
    """The client gets the refusal's own 4xx, not a conflict, which the SDK would retry for minutes."""
    first = world.submit(RUN, 4, b"good")
    world(operations.consume, Submission(ALICE, "refused", RUN, 4, Body.of("application/json", b"bad")), "bad")
    assert [row.id for row in world(resumption.unfinished)] == [first.id]
    assert world(operations.body, first.id).content == b"good"


# Ending.


def test_an_end_is_final(world: World) -> None:
    operation = world.submit(RUN, 1)
    succeed(world, operation, b"first")
    fail(world, operation)
    succeed(world, operation, b"second")
    assert outcome(world, operation.id).result == b"first"


def test_a_long_result_lives_in_its_file_and_a_second_one_leaves_none(world: World) -> None:
    operation = world.submit(RUN, 1)
    succeed(world, operation, b"long" * 100, in_file=True)
    succeed(world, operation, b"late" * 100, in_file=True)
    assert outcome(world, operation.id).result == b"long" * 100
    assert list(world(references).values()) == [1]
    world.check_files()


def test_many_ends_are_recorded_together(world: World) -> None:
    made = [world.submit(RUN, number) for number in range(6)]
    file = world.artifacts.write(b"long")
    ends = [Outcome(operation.id, "succeeded", "text/plain", b"%d" % at) for at, operation in enumerate(made[:4])]
    ends += [Outcome(made[4].id, "succeeded", "text/plain", b"long", file)]
    ends += [Outcome(made[5].id, "cancelled", error="cancelled by its client", error_category="user")]
    world.record(*ends)
    assert [outcome(world, operation.id).result for operation in made] == [b"0", b"1", b"2", b"3", b"long", None]
    assert outcome(world, made[5].id).state == "cancelled"
    world.record()


def test_the_runs_row_remembers_its_steps_and_gaps(world: World) -> None:
    run = world.run(world.session())
    world.now += 5
    world(operations.touch_run, run, 12, world.now)
    world(operations.skip_to, run, 7 * POSITIONS_PER_SEQ_ID)
    [row] = world(lambda tx: tx.connection.execute(RUNS.select()).all())
    assert (row.optimizer_steps, row.last_request_at, row.skipped_to) == (12, world.now, 7 * POSITIONS_PER_SEQ_ID)


# Asking.


def test_an_unknown_request_id_is_named(world: World) -> None:
    with pytest.raises(NotFound, match="request_id 'none' does not exist: use the one that the submission returned"):
        outcome(world, "none")


def test_the_last_position_is_behind_nothing_that_still_waits(world: World) -> None:
    made = {number: world.submit(RUN, number) for number in (1, 2, 3, 5)}
    assert world(resumption.last_position, RUN) is None
    succeed(world, made[1])
    fail(world, made[3])
    assert world(resumption.last_position, RUN) == made[1].position
    succeed(world, made[2])
    assert world(resumption.last_position, RUN) == made[3].position
    succeed(world, made[5])
    assert world(resumption.last_position, RUN) == made[5].position
    assert world(resumption.last_position, "another") is None


def test_only_what_changed_the_state_is_executed_again(world: World) -> None:
    kinds = ("forward_backward", "optim_step", "forward", "save_weights", "forward_backward", "optim_step")
    made = [world.submit(RUN, number, kind=kind) for number, kind in enumerate(kinds)]
    for operation in made[:4]:
        succeed(world, operation)
    fail(world, made[4])
    replayed = [row.id for row in world(resumption.replayable, RUN, after=-1)]
    assert replayed == [made[0].id, made[1].id]
    assert [row.id for row in world(resumption.replayable, RUN, after=made[0].position)] == [made[1].id]


def test_expired_results_are_still_executed_again_but_no_expired_failures(world: World) -> None:
    """A failure that ran again would fail again, and take the run's every start with it."""
    good, bad = world.submit(RUN, 1, b"good"), world.submit(RUN, 2, b"bad")
    succeed(world, good)
    fail(world, bad)
    world.now += 10
    assert set(world(forgetting.expire, EVERYBODY, after=0)) == {good.id, bad.id}
    assert [row.id for row in world(resumption.replayable, RUN, after=-1)] == [good.id]
    assert world(operations.body, good.id).content == b"good"


def test_ended_samples_tell_the_sizes_of_their_results(world: World) -> None:
    sampler = "session:sample:0"
    made = [world.submit(sampler, number, kind="sample") for number in range(5)]
    succeed(world, made[2], b"12345")
    succeed(world, made[0], b"long" * 100, in_file=True)
    fail(world, made[1])
    ended = [(row.id, row.state, of.size) for row, of in world(resumption.ended_samples, sampler)]
    assert ended == [(made[0].id, "succeeded", 400), (made[1].id, "failed", 0), (made[2].id, "succeeded", 5)]


# Forgetting.


def test_results_go_when_their_time_is_over_and_a_late_retry_is_still_known(world: World) -> None:
    old = world.submit(RUN, 1, b"content", kind="sample", in_file=True)
    succeed(world, old, b"result" * 100, in_file=True)
    world.now += 100
    fresh, queued = world.submit(RUN, 2), world.submit(RUN, 3)
    succeed(world, fresh)
    assert world(forgetting.expire, EVERYBODY, after=50) == [old.id]
    assert world(forgetting.expire, EVERYBODY, after=50) == []
    with pytest.raises(Gone, match=f"the result of request_id '{old.id}' has expired: submit the request again"):
        outcome(world, old.id)
    assert outcome(world, fresh.id).state == "succeeded"
    assert [row.id for row in world(resumption.unfinished)] == [queued.id]
    assert world.submit(RUN, 1, b"content") == replace(old, new=False)
    assert world.files() == set()


def test_no_more_results_go_at_once_than_asked(world: World) -> None:
    for number in range(5):
        succeed(world, world.submit(RUN, number))
    world.now += 1
    assert [len(world(forgetting.expire, EVERYBODY, after=0, limit=2)) for _ in range(4)] == [2, 2, 1, 0]


def test_what_was_asked_goes_with_a_result_that_nobody_replays(world: World) -> None:
    sample, step = world.submit("s:sample:0", 1, b"prompt", kind="sample"), world.submit(RUN, 1, b"data")
    succeed(world, sample)
    succeed(world, step)
    world.now += 1
    world(forgetting.expire, EVERYBODY, after=0)
    assert (stored(world, sample)["body"], stored(world, step)["body"]) == (None, b"data")


def test_a_snapshot_stands_for_the_bodies_before_it(world: World) -> None:
    made = [world.submit(RUN, number, b"%d" % number, in_file=number % 2 == 0) for number in range(6)]
    other = world.submit("another", 2, b"other")
    for operation in made[:5]:
        succeed(world, operation)
    world(forgetting.drop_bodies, RUN, after=made[0].position, through=made[3].position)
    kept = [
        operation for operation in made if stored(world, operation)["body"] or stored(world, operation)["body_file"]
    ]
    assert kept == [made[0], made[4], made[5]]
    assert world(operations.body, other.id).content == b"other"
    assert world.submit(RUN, 2, b"2", in_file=False) == replace(made[2], new=False)
    world.check_files()


def test_another_tenant_has_no_use_for_an_id(world: World) -> None:
    operation = world.submit(RUN, 1)
    with pytest.raises(NotFound):
        world(operations.found, BOB, operation.id)
