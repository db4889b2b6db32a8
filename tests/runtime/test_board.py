"""Who waits for an operation, and when its result may be seen."""

import asyncio

import pytest

from mock_server.domain.dials import Dial
from mock_server.domain.errors import NotFound
from mock_server.domain.operations import Outcome
from mock_server.runtime import board as board_module
from mock_server.runtime.board import Board, LiveOperation, Pending
from mock_server.runtime.dials import Dials
from tests.runtime.manual_clock import ManualClock

DONE = Outcome("op", "succeeded", "application/json", b"{}")


def board(clock: ManualClock | None = None, **dials: str) -> Board:
    return Board((clock or ManualClock()).clocks, Dials({kind: Dial.parse(text) for kind, text in dials.items()}))


def operation(kind: str = "optim_step", name: str = "op") -> LiveOperation:
    return LiveOperation(name, "tenant", kind, "run", 1, 1, accepted_at=1_000_000.0)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_every_waiter_gets_the_answer_at_once() -> None:
    here, op = board(), operation()
    here.put(op)
    waiting = [asyncio.create_task(here.wait(op, 30)) for _ in range(3)]
    await turns()
    here.end(op, DONE)
    assert await asyncio.gather(*waiting) == [DONE] * 3


async def test_a_waiter_that_gives_up_does_not_end_the_wait_of_another() -> None:
    clock = ManualClock()
    here, op = board(clock), operation()
    here.put(op)
    patient = asyncio.create_task(here.wait(op, 30))
    hasty = asyncio.create_task(here.wait(op, 1))
    await turns()
    clock.advance(1)
    assert await hasty == Pending()
    assert not patient.done()
    here.end(op, DONE)
    assert await patient == DONE


async def test_a_poll_says_pending_after_its_time() -> None:
    clock = ManualClock()
    here, op = board(clock), operation()
    here.put(op)
    poll = asyncio.create_task(here.wait(op, 30))
    await turns()
    clock.advance(29.9)
    await turns()
    assert not poll.done()
    clock.advance(0.1)
    assert await poll == Pending()


async def test_a_result_dialled_to_come_later_comes_then() -> None:
    clock = ManualClock()
    here, op = board(clock, optim_step="after:10/paused_capacity/busy"), operation()
    here.put(op)
    here.end(op, DONE)
    poll = asyncio.create_task(here.wait(op, 4))
    await turns()
    clock.advance(4)
    assert await poll == Pending("paused_capacity", "busy")
    poll = asyncio.create_task(here.wait(op, 30))
    await turns()
    clock.advance(6)
    assert await poll == DONE


async def test_a_result_dialled_by_polls_comes_with_the_poll_after_them() -> None:
    here, op = board(optim_step="polls:2"), operation()
    here.put(op)
    here.end(op, DONE)
    assert [await here.wait(op, 30) for _ in range(4)] == [Pending(), Pending(), DONE, DONE]


async def test_a_result_that_ends_after_its_polls_are_counted_comes_at_once() -> None:
    here, op = board(optim_step="polls:1"), operation()
    here.put(op)
    assert await here.wait(op, 30) == Pending()
    poll = asyncio.create_task(here.wait(op, 30))
    await turns()
    here.end(op, DONE)
    assert await poll == DONE


async def test_a_result_held_by_hand_comes_when_it_is_released() -> None:
    here, op = board(optim_step="manual"), operation()
    here.put(op)
    with pytest.raises(NotFound):
        here.release("op")
    here.end(op, DONE)
    poll = asyncio.create_task(here.wait(op, 30))
    await turns()
    assert not poll.done()
    here.release("op")
    assert await poll == DONE


async def test_dials_hold_only_their_own_kind() -> None:
    here, op = board(sample="never"), operation("optim_step")
    here.put(op)
    here.end(op, DONE)
    assert await here.wait(op, 30) == DONE


async def test_a_stopping_server_answers_whoever_waits() -> None:
    here, op = board(), operation()
    here.put(op)
    poll = asyncio.create_task(here.wait(op, 30))
    await turns()
    here.close()
    assert await poll == Pending()
    assert await here.wait(op, 30) == Pending()


async def test_stored_results_leave_the_memory_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "KEPT_OPERATIONS", 2)
    here = board()
    for name in ("a", "b", "c"):
        op = operation(name=name)
        here.put(op)
        here.end(op, Outcome(name, "succeeded", "application/json", b"{}"))
    assert here.get("a") is not None, "what is not stored yet stays"
    here.stored(["a", "b", "c"])
    assert [here.get(name) is not None for name in ("a", "b", "c")] == [False, True, True]


async def test_large_stored_results_leave_the_memory_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "KEPT_BYTES", 100)
    here = board()
    for name in ("a", "b"):
        op = operation(name=name)
        here.put(op)
        here.end(op, Outcome(name, "succeeded", "application/json", b"x" * 80))
    here.stored(["a", "b"])
    assert here.get("a") is None
    assert here.statistics() == {"live": 1, "kept": 1, "kept_bytes": 80}


@pytest.mark.parametrize("dial", ["after:10", "polls:2"])
async def test_a_result_that_is_shown_after_it_was_stored_leaves_the_memory_too(
    monkeypatch: pytest.MonkeyPatch, dial: str
) -> None:
    monkeypatch.setattr(board_module, "KEPT_OPERATIONS", 2)
    clock = ManualClock()
    here = board(clock, optim_step=dial)
    for number in range(5):
        op = operation(name=str(number))
        op.accepted_at = clock.now()
        here.put(op)
        here.end(op, Outcome(op.id, "succeeded", "application/json", b"{}"))
        here.stored([op.id])
        clock.advance(10)
        if dial.startswith("polls"):
            assert [await here.wait(op, 0) for _ in range(3)][-1] == op.outcome
    assert here.statistics()["live"] == 2


async def test_an_operation_begun_anew_is_not_forgotten_with_its_first_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "KEPT_OPERATIONS", 1)
    here, first = board(), operation(name="op")
    here.put(first)
    here.end(first, Outcome("op", "failed", error="no"))
    here.stored(["op"])
    again = operation(name="op")
    here.put(again)
    other = operation(name="other")
    here.put(other)
    here.end(other, Outcome("other", "succeeded", "application/json", b"{}"))
    here.stored(["other"])
    assert here.get("op") is again
