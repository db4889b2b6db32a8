"""The order in which a run's operations get their turn."""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.domain.ids import POSITIONS_PER_SEQ_ID
from mock_server.runtime.board import LiveOperation
from mock_server.runtime.ordered_queue import COMEBACK_SECONDS, OrderedQueue, next_seq_after
from mock_server.store import StorageUnavailable
from tests.runtime.manual_clock import ManualClock

GAP = 5.0


def operation(seq_id: int | None, position: int | None = None) -> LiveOperation:
    place = position if seq_id is None else seq_id * POSITIONS_PER_SEQ_ID
    assert place is not None
    return LiveOperation(f"op-{place}", "tenant", "forward_backward", "run", seq_id, place, accepted_at=0.0)


class Run:
    """Takes operations out of a queue as fast as it gives them."""

    def __init__(self, next_seq: int = 1) -> None:
        self.clock = ManualClock()
        self.queue = OrderedQueue("run", self.clock, GAP, next_seq)
        self.order: list[int | None] = []
        self.skipped_to: list[int | None] = []
        self.writing_fails: Exception | None = None
        self._task: asyncio.Task[None] | None = None

    async def settle(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        for _ in range(200):
            await asyncio.sleep(0)

    async def put(self, seq_ids: Iterable[int]) -> None:
        for seq_id in seq_ids:
            self.queue.put(operation(seq_id))
        await self.settle()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        while (found := await self.queue.next(self._skip)) is not None:
            self.order.append(found.seq_id)
            self.queue.done(found)

    async def _skip(self, operation: LiveOperation) -> None:
        if self.writing_fails is not None:
            raise self.writing_fails
        self.skipped_to.append(operation.seq_id)


@settings(deadline=None)
@given(st.permutations(range(1, 9)))
def test_operations_run_in_the_order_of_their_seq_ids_however_they_arrive(arrivals: list[int]) -> None:
    async def program() -> list[int | None]:
        run = Run()
        for seq_id in arrivals:
            await run.put([seq_id])
        return run.order

    assert asyncio.run(program()) == list(range(1, 9))


async def test_a_missing_number_holds_the_run_for_the_gap_time_and_no_longer() -> None:
    run = Run()
    await run.put([1, 3])
    assert run.order == [1]
    run.clock.advance(GAP - 0.1)
    await run.settle()
    assert run.order == [1]
    run.clock.advance(0.2)
    await run.settle()
    assert run.order == [1, 3]
    assert run.skipped_to == [3]


async def test_the_gap_time_begins_again_with_each_arrival() -> None:
    run = Run()
    await run.put([2])
    run.clock.advance(GAP - 1)
    await run.put([3])
    run.clock.advance(GAP - 1)
    await run.settle()
    assert run.order == []
    await run.put([1])
    assert run.order == [1, 2, 3]
    assert run.skipped_to == []


async def test_a_refused_request_leaves_no_gap() -> None:
    run = Run()
    await run.put([1, 3])
    run.queue.consume(2)
    await run.settle()
    assert run.order == [1, 3]
    assert run.skipped_to == []


async def test_several_refused_requests_in_a_row_leave_no_gap() -> None:
    run = Run()
    for seq_id in (1, 2, 4):
        run.queue.consume(seq_id)
    await run.put([3, 5])
    assert run.order == [3, 5]


async def test_what_arrives_after_the_run_went_on_without_it_is_too_late() -> None:
    run = Run()
    await run.put([2])
    run.clock.advance(GAP + 0.1)
    await run.settle()
    late = operation(1)
    outcome = run.queue.too_late(late)
    assert outcome is not None
    assert outcome.error_category == "user"
    assert "seq_id 1 arrived after" in (outcome.error or "")


async def test_operations_without_a_number_come_after_what_was_there_before_them() -> None:
    run = Run()
    await run.put([1])
    run.queue.put(operation(None, position=POSITIONS_PER_SEQ_ID + 1))
    await run.put([2])
    assert run.order == [1, None, 2]


async def test_a_gap_is_held_open_until_a_client_that_was_sent_away_had_time_to_come_back() -> None:
    run = Run()
    run.queue.hold()
    run.queue.put(operation(2))
    await run.settle()
    run.clock.advance(COMEBACK_SECONDS - 0.1)
    await run.settle()
    assert run.order == []
    await run.put([1])
    assert run.order == [1, 2]


async def test_a_gap_is_given_up_when_nobody_came_back() -> None:
    run = Run()
    run.queue.hold()
    await run.put([2])
    run.clock.advance(COMEBACK_SECONDS + 0.1)
    await run.settle()
    assert run.order == [2]


@pytest.mark.parametrize("error", [StorageUnavailable("No space left on device"), RuntimeError("a bug of ours")])
async def test_a_gap_stays_open_while_giving_it_up_can_not_be_written_down(error: Exception) -> None:
    # On a full disk the missing request can't be stored either: its client will be back.
    run = Run()
    run.writing_fails = error
    await run.put([2])
    run.clock.advance(GAP + 0.1)
    await run.settle()
    assert run.order == []
    run.writing_fails = None
    run.clock.advance(COMEBACK_SECONDS - 1)
    await run.put([1])
    assert run.order == [1, 2]
    assert run.skipped_to == []


async def test_a_client_that_counts_from_zero_is_served() -> None:
    run = Run()
    first = operation(0)
    assert run.queue.too_late(first) is None
    run.queue.put(first)
    await run.put([1])
    assert run.order == [0, 1]


@pytest.mark.parametrize(
    ("position", "skipped_to", "expected"),
    [
        (None, -1, 1),
        (0, -1, 1),
        (3 * POSITIONS_PER_SEQ_ID, -1, 4),
        (3 * POSITIONS_PER_SEQ_ID + 7, -1, 4),
        (3 * POSITIONS_PER_SEQ_ID, 9 * POSITIONS_PER_SEQ_ID, 9),
    ],
)
def test_a_restarted_run_goes_on_behind_what_has_ended(position: int | None, skipped_to: int, expected: int) -> None:
    assert next_seq_after(position, skipped_to) == expected
