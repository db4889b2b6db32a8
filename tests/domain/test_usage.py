"""What was used is counted once, by the hour, and what is held for as long as it is held."""

import pytest

from mock_server.domain import checkpoints, training_runs, usage
from mock_server.domain.checkpoints import SaveOptions
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Invalid
from mock_server.domain.operations import Outcome
from mock_server.domain.paths import CheckpointPath
from mock_server.domain.usage import HOUR, Account, Event, Held, Usage
from mock_server.store import Transaction
from tests.domain.world import ALICE, BOB, MODEL, World

FIRST = 1_000_800.0
"""The first full hour of the world's clock."""
SIZE = 10_000_000


def used(world: World, start: float = FIRST - HOUR, hours: int = 24) -> list[Event]:
    report = world(usage.report, ALICE, starting_on=start, ending_before=start + hours * HOUR)
    return report.events


def sized(world: World, run_id: str, name: str, options: SaveOptions | None = None) -> None:
    """A checkpoint of a size that figures can be told by."""
    file = world.artifacts.write(b"x" * SIZE)

    def rule(tx: Transaction) -> None:
        run = training_runs.owned(tx, ALICE, run_id)
        checkpoints.save(tx, run, CheckpointPath(run_id, "weights", name), file, options or SaveOptions())

    world(rule)


def end(world: World, target: str, seq_id: int, **tokens: int) -> Outcome:
    """An operation that used so many tokens, ended and written down."""
    accepted = world.submit(target, seq_id)
    account = Account(ALICE, target.partition(":")[0], MODEL)
    outcome = Outcome(accepted.id, "succeeded", "text/plain", b"done", usage=Usage(account, **tokens))
    world.record(outcome)
    return outcome


def test_tokens_are_added_up_by_the_hour_and_the_session(world: World) -> None:
    world.now = FIRST
    one, other = world.session(project_id="p"), world.session()
    end(world, f"{one}:train:1", 1, trained=10)
    end(world, f"{one}:train:1", 2, trained=5)
    end(world, f"{other}:sample:1", 1, prefilled=7, sampled=3)
    world.now += HOUR
    end(world, f"{one}:train:1", 3, trained=1)
    assert used(world) == [
        Event(int(FIRST), "training", 15, MODEL, one),
        Event(int(FIRST), "sampling_prefill", 7, MODEL, other),
        Event(int(FIRST), "sampling_sample", 3, MODEL, other),
        Event(int(FIRST) + HOUR, "training", 1, MODEL, one),
    ]


def test_an_outcome_that_is_written_down_twice_counts_once(world: World) -> None:
    world.now = FIRST
    session = world.session()
    world.record(end(world, f"{session}:train:1", 1, trained=10))
    assert [event.quantity for event in used(world)] == [10]


def test_a_write_that_fails_counts_nothing(world: World) -> None:
    world.now = FIRST
    session = world.session()
    outcome = Outcome("none such", "succeeded", usage=Usage(Account(ALICE, session, MODEL), trained=5))
    world.record(outcome)
    assert used(world) == []


def test_the_report_names_the_projects_and_metadata_of_its_sessions(world: World) -> None:
    world.now = FIRST
    session = world.session(project_id="p", user_metadata={"run": "nightly"})  # type: ignore[arg-type]
    end(world, f"{session}:train:1", 1, trained=10)
    report = world(usage.report, ALICE, starting_on=FIRST, ending_before=FIRST + HOUR)
    assert report.sessions == {session: ("p", {"run": "nightly"})}


def test_another_tenants_use_is_not_seen(world: World) -> None:
    world.now = FIRST
    end(world, f"{world.session()}:train:1", 1, trained=10)
    assert world(usage.report, BOB, starting_on=FIRST, ending_before=FIRST + HOUR).events == []


def test_storage_is_billed_from_the_save_to_the_deletion(world: World) -> None:
    world.now = FIRST + HOUR / 2
    run = world.run(world.session())
    sized(world, run, "a")
    world.now = FIRST + 2.25 * HOUR
    path = CheckpointPath(run, "weights", "a")
    world(checkpoints.delete, ALICE, path)
    world.now = FIRST + 10 * HOUR
    stored = {event.hour: event.quantity for event in used(world) if event.kind == "storage"}
    gigabytes = SIZE / 1e9
    assert stored == pytest.approx(
        {FIRST: gigabytes * 0.5, FIRST + HOUR: gigabytes, FIRST + 2 * HOUR: gigabytes * 0.25}
    )


def test_storage_of_the_present_hour_is_billed_up_to_now(world: World) -> None:
    world.now = FIRST
    run = world.run(world.session())
    sized(world, run, "a")
    world.now = FIRST + HOUR * 1.5
    stored = [event.quantity for event in used(world, FIRST) if event.kind == "storage"]
    assert stored == pytest.approx([SIZE / 1e9, SIZE / 1e9 / 2])


def test_a_window_that_begins_later_knows_what_was_held_before(world: World) -> None:
    world.now = FIRST
    run = world.run(world.session())
    sized(world, run, "a")
    world.now = FIRST + 5 * HOUR
    stored = [event.quantity for event in used(world, FIRST + 3 * HOUR, hours=2)]
    assert stored == pytest.approx([SIZE / 1e9, SIZE / 1e9])


def test_what_expired_is_held_until_its_expiry_however_late_it_is_swept(world: World) -> None:
    world.now = FIRST
    run = world.run(world.session())
    sized(world, run, "a", SaveOptions(ttl_seconds=HOUR + HOUR // 2))
    world.now = FIRST + 9 * HOUR
    world(checkpoints.sweep, EVERYBODY)
    stored = [event.quantity for event in used(world) if event.kind == "storage"]
    assert stored == pytest.approx([SIZE / 1e9, SIZE / 1e9 / 2])


def test_overwriting_and_deleting_leave_what_there_is(world: World) -> None:
    one, other = world.session(project_id="p"), world.session()
    first, second = world.run(one), world.run(other)
    sized(world, first, "a")
    sized(world, first, "a", SaveOptions(overwrite=True))
    sized(world, second, "b")
    sized(world, second, "c")
    world(checkpoints.delete, ALICE, CheckpointPath(second, "weights", "c"))
    assert world(usage.held_by_project, ALICE) == {"p": Held(1, SIZE), None: Held(1, SIZE)}
    assert world(usage.held_by_session, one) == Held(1, SIZE)
    assert sum(event.quantity for event in used(world, FIRST - HOUR) if event.kind == "checkpoint") == 4


@pytest.mark.parametrize(
    ("start", "ending", "field"),
    [
        (FIRST + 1, FIRST + HOUR, "starting_on"),
        (FIRST, FIRST + HOUR + 1, "ending_before"),
        (FIRST + 30 * 24 * HOUR, FIRST + 31 * 24 * HOUR, "starting_on"),
        (FIRST - HOUR, FIRST - HOUR, "ending_before"),
        (FIRST - HOUR, FIRST + 14 * 24 * HOUR, "ending_before"),
    ],
)
def test_a_window_that_the_service_would_refuse_is_refused(
    world: World, start: float, ending: float, field: str
) -> None:
    with pytest.raises(Invalid, match=field):
        world(usage.report, ALICE, starting_on=start, ending_before=ending)
