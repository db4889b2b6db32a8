"""A time line: what its clock shows, and that whatever falls due on it happens once, in order, and never early."""

from __future__ import annotations

import asyncio
from functools import partial
from time import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.runtime import pause
from mock_server.runtime.timeline import Timeline
from tests.runtime.manual_clock import ManualClock

MOMENTS = st.integers(0, 1000).map(lambda tenths: tenths / 10)


@given(st.lists(MOMENTS), st.lists(MOMENTS, min_size=1))
def test_all_that_is_due_happens_once_in_its_order_and_at_its_time(delays: list[float], moves: list[float]) -> None:
    clock = ManualClock()
    happened: list[tuple[int, float]] = []

    def happens(number: int) -> None:
        happened.append((number, clock.now()))

    for number, delay in enumerate(delays):
        clock.call_later(delay, partial(happens, number))
    start = clock.now()
    for move in moves:
        clock.move_to(start + move)
        shown = clock.now()
        assert shown == max(shown, round(start + move, 6)), "an earlier time changes nothing"
        due = sorted(
            (number for number, delay in enumerate(delays) if start + delay <= shown + 1e-6), key=delays.__getitem__
        )
        assert [number for number, _ in happened] == due
    assert all(at == pytest.approx(start + delays[number], abs=1e-6) for number, at in happened)


def test_what_an_event_brings_about_happens_before_what_is_due_later() -> None:
    clock, happened = ManualClock(), []
    clock.call_later(1, lambda: clock.call_later(1, lambda: happened.append("brought about")))
    clock.call_later(3, lambda: happened.append("later"))
    clock.advance(3)
    assert happened == ["brought about", "later"]


@given(st.floats(1e-6, 100), st.floats(0, 100))
def test_an_event_that_asks_how_much_is_left_ends_where_that_is_nothing(delay: float, passed: float) -> None:
    clock = ManualClock(1_790_000_000.0)
    clock.advance(passed)
    end, asked = clock.now() + delay, []

    def ask() -> None:
        asked.append(end - clock.now())
        if asked[-1] > 0:
            clock.call_later(asked[-1], ask)

    ask()
    clock.advance(delay + 1)
    assert len(asked) <= 3
    assert asked[-1] <= 0


def test_an_event_can_be_called_off_by_another_that_is_due_with_it() -> None:
    clock, happened = ManualClock(), []

    def call_off() -> None:
        happened.append("first")
        second.cancel()

    clock.call_later(1, call_off)
    second = clock.call_later(1, lambda: happened.append("second"))
    clock.advance(2)
    assert happened == ["first"]
    assert clock.next_due() is None


@given(st.lists(st.sampled_from([0.1, 0.25, 1 / 3, 7.7]), max_size=60))
def test_many_small_moves_come_to_what_one_large_one_does(moves: list[float]) -> None:
    clock, happened = ManualClock(1_790_000_000.0), []
    clock.call_later(sum(moves), lambda: happened.append("due"))
    for move in moves:
        clock.advance(round(move, 6))
    clock.advance(len(moves) * 1e-6)
    assert happened == ["due"]


async def test_a_clock_that_passes_brings_its_events_by_itself() -> None:
    for clock in (Timeline(), Timeline("auto"), Timeline(ahead=1000)):
        begun = clock.now()
        await pause(clock, 0.02)
        assert clock.now() - begun >= 0.015
        assert time() - 1e-6 <= clock.now() - clock.ahead <= time() + 1e-6


async def test_a_clock_that_is_moved_brings_its_events_sooner() -> None:
    clock, happened = Timeline(), []
    clock.call_later(100, lambda: happened.append("due"))
    later = clock.call_later(200, lambda: happened.append("later"))
    clock.move_to(clock.now() + 100)
    assert happened == ["due"]
    assert clock.ahead == pytest.approx(100, abs=10)
    assert later.handle is not None
    assert later.handle.when() - asyncio.get_running_loop().time() == pytest.approx(100, abs=10)
    later.cancel()


async def test_a_clock_goes_on_from_what_it_showed_in_every_mode() -> None:
    clock, happened = Timeline(), []
    due = clock.call_later(0.01, lambda: happened.append("due"))
    clock.turn("manual")
    standing = clock.now()
    await asyncio.sleep(0.02)  # real time, which must not bring it
    assert (clock.now(), happened) == (standing, [])
    clock.move_to(standing + 500)
    assert happened == ["due"]
    due = clock.call_later(0.01, lambda: happened.append("again"))
    clock.turn("real")
    assert 400 < clock.now() - time() <= 500
    assert clock.now() >= standing + 500
    await asyncio.sleep(0.02)
    assert (happened, due.handle) == (["due", "again"], None)


async def test_a_clock_that_fell_behind_the_machines_goes_on_from_that() -> None:
    clock = ManualClock(1000.0)
    clock.turn("real")
    assert time() <= clock.now() <= time()
    assert clock.ahead == 0


async def test_a_tenants_events_move_with_it_to_another_time_line() -> None:
    shared, own = ManualClock(), ManualClock()
    happened: list[str] = []
    for tenant in ("mine", "yours"):
        shared.call_later(5, partial(happened.append, tenant), tenant=tenant, waited=True)
    own.take_from(shared, "mine")
    assert (shared.waiting, own.waiting) == (1, 1)
    own.advance(5)
    assert happened == ["mine"]
    shared.advance(5)
    assert happened == ["mine", "yours"]


async def test_a_pause_that_is_cancelled_leaves_nothing_behind() -> None:
    clock = ManualClock()
    paused = asyncio.create_task(pause(clock, 10))
    await asyncio.sleep(0)
    assert clock.waiting == 1
    paused.cancel()
    await asyncio.gather(paused, return_exceptions=True)
    assert (clock.waiting, clock.next_due()) == (0, None)
