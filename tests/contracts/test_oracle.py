"""The model by itself: what it foretells of order, repetition, checkpoints, samplers and tenants."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Final

import pytest

import contracts.oracle
from contracts.oracle import FRESH_MOMENTS, Answer, Oracle, Order, Origin, State

ME, YOU = "me", "you"
RUN: Final = "s:train:0"
ORIGIN: Final = Origin("base", 8, 1)
BATCH: Final = Order("forward_backward", datum="a")
STEP: Final = Order("optim_step", rate="0.001")
FORWARD: Final = Order("forward", datum="a")
SAVE: Final = Order("save_weights", name="c1")
SAVED: Final = f"tinker://{RUN}/weights/c1"
TRAINED: Final = (("batch", "a"), ("step", "0.001"))


@pytest.fixture
def oracle() -> Oracle:
    """With a session and a run."""
    made = Oracle()
    made.open_session(ME, "s")
    assert made.create_run(ME, "s", 0, State(ORIGIN)) is Answer.DONE
    return made


def told(oracle: Oracle, *orders: Order, first: int = 1) -> list[Answer]:
    return [oracle.submit(ME, RUN, number, order) for number, order in enumerate(orders, first)]


# Runs.


@pytest.mark.parametrize("order", [*permutations([1, 2, 3])])
def test_a_run_is_what_its_numbers_say_whatever_arrives_first(oracle: Oracle, order: tuple[int, ...]) -> None:
    orders = {1: BATCH, 2: STEP, 3: FORWARD}
    for number in order:
        assert oracle.submit(ME, RUN, number, orders[number]) is Answer.DONE
    run = oracle.runs[RUN]
    assert run.state.past == TRAINED
    assert [run.log[number].outcome for number in (1, 2, 3)] == ["succeeded"] * 3
    assert run.log[3].state == run.state


def test_what_is_behind_a_gap_waits(oracle: Oracle) -> None:
    oracle.submit(ME, RUN, 2, STEP)
    assert oracle.runs[RUN].log[2].outcome == "waiting"
    assert oracle.runs[RUN].state.past == ()


def test_a_repeat_changes_nothing_and_another_content_is_a_conflict(oracle: Oracle) -> None:
    assert told(oracle, BATCH, STEP) == [Answer.DONE] * 2
    assert told(oracle, BATCH, STEP) == [Answer.REPEATED] * 2
    assert oracle.submit(ME, RUN, 1, STEP) is Answer.CONFLICT
    assert oracle.runs[RUN].state.past == TRAINED


def test_a_refused_number_is_used_up(oracle: Oracle) -> None:
    unreadable = Order("optim_step", rate="0.001", flaw="form")
    assert told(oracle, BATCH, unreadable, STEP) == [Answer.DONE, Answer.REFUSED, Answer.DONE]
    assert oracle.runs[RUN].state.past == TRAINED


def test_a_failed_operation_leaves_no_trace(oracle: Oracle) -> None:
    told(oracle, BATCH, Order("forward_backward", datum="a", flaw="content"), STEP)
    assert oracle.runs[RUN].log[2].outcome == "failed"
    assert oracle.runs[RUN].state.past == TRAINED


def test_a_forward_pass_leaves_no_trace(oracle: Oracle) -> None:
    told(oracle, BATCH, FORWARD, STEP)
    assert oracle.runs[RUN].state.past == TRAINED


def test_a_creation_that_is_repeated_finds_its_run(oracle: Oracle) -> None:
    told(oracle, BATCH)
    assert oracle.create_run(ME, "s", 0, State(ORIGIN)) is Answer.REPEATED
    assert oracle.runs[RUN].log


def test_weights_depend_on_steps_alone_and_those_of_no_step_are_the_base_models() -> None:
    fresh = State(ORIGIN).after(("batch", "a"))
    assert fresh.weights == State(Origin("base"))
    stepped = fresh.after(("step", "0.001"))
    assert stepped.weights == stepped
    assert stepped.after(("batch", "b")).weights == stepped
    assert stepped.after(FRESH_MOMENTS).weights == stepped


# Checkpoints.


def test_a_checkpoint_holds_its_moment_without_pending_gradients(oracle: Oracle) -> None:
    told(oracle, BATCH, STEP, BATCH, SAVE, STEP)
    assert oracle.checkpoints[SAVED].state.past == TRAINED
    assert oracle.runs[RUN].state.past == TRAINED * 2


def test_a_load_gives_back_the_moment_with_or_without_the_optimizer(oracle: Oracle) -> None:
    saved = State(ORIGIN, TRAINED)
    told(oracle, BATCH, STEP, SAVE, BATCH, STEP, Order("load_weights", path=SAVED, optimizer=True))
    assert oracle.runs[RUN].state == saved
    told(oracle, Order("load_weights", path=SAVED), first=7)
    assert oracle.runs[RUN].state == saved.after(FRESH_MOMENTS)
    assert oracle.restore_run(ME, "s", 1, SAVED, optimizer=True) is Answer.DONE
    assert oracle.runs["s:train:1"].state == saved


def test_a_save_under_a_taken_name_fails_until_the_name_is_free(oracle: Oracle) -> None:
    told(oracle, SAVE, BATCH, STEP, SAVE)
    assert oracle.runs[RUN].log[4].outcome == "failed"
    assert oracle.checkpoints[SAVED].state.past == ()
    oracle.delete(ME, SAVED)
    told(oracle, SAVE, first=5)
    assert oracle.checkpoints[SAVED].state.past == TRAINED


def test_what_is_deleted_can_not_be_loaded(oracle: Oracle) -> None:
    told(oracle, SAVE)
    assert oracle.delete(ME, SAVED) is Answer.DONE
    told(oracle, Order("load_weights", path=SAVED), first=2)
    assert oracle.runs[RUN].log[2].outcome == "failed"
    assert oracle.restore_run(ME, "s", 1, SAVED, optimizer=False) is Answer.UNKNOWN
    assert oracle.delete(ME, SAVED) is Answer.UNKNOWN


def test_a_lifetime_ends_by_the_models_clock(oracle: Oracle) -> None:
    told(oracle, SAVE)
    oracle.set_ttl(ME, SAVED, 3600)
    assert oracle.listed(ME)[SAVED].expires_at == 3600
    oracle.now += 3600
    assert oracle.read(ME, SAVED) is Answer.UNKNOWN
    assert oracle.listed(ME) == {}


# Samplers.


def test_a_sampler_keeps_its_weights_whatever_follows(oracle: Oracle) -> None:
    told(oracle, BATCH, STEP, SAVE, Order("save_weights_for_sampler", number=1))
    assert oracle.create_sampler(ME, "s", 0, "base", SAVED) is Answer.DONE
    told(oracle, BATCH, STEP, first=5)
    oracle.delete(ME, SAVED)
    assert [sampler.weights.past for sampler in oracle.samplers.values()] == [TRAINED, TRAINED]
    assert oracle.create_sampler(ME, "s", 2, "base") is Answer.DONE
    assert oracle.samplers["s:sample:2"].weights == State(Origin("base"))


def test_samples_are_known_by_their_numbers(oracle: Oracle) -> None:
    oracle.create_sampler(ME, "s", 0, "base")
    asked = [oracle.sample(ME, "s:sample:0", 5, how) for how in ("greedy", "greedy", "seeded")]
    assert asked == [Answer.DONE, Answer.REPEATED, Answer.CONFLICT]


# Sessions and tenants.


def test_a_session_lives_until_it_is_finished(oracle: Oracle) -> None:
    assert oracle.heartbeat(ME, "s") is Answer.DONE
    assert oracle.finish(ME, "s") is Answer.DONE
    assert oracle.heartbeat(ME, "s") is Answer.GONE
    assert oracle.content("s") == ({RUN}, set())


def test_a_stranger_knows_nothing_but_what_is_published(oracle: Oracle) -> None:
    told(oracle, SAVE)
    oracle.open_session(YOU, "t")
    assert oracle.submit(YOU, RUN, 2, STEP) is Answer.UNKNOWN
    assert oracle.heartbeat(YOU, "s") is oracle.finish(YOU, "s") is Answer.UNKNOWN
    assert oracle.create_run(YOU, "s", 1, State(ORIGIN)) is Answer.UNKNOWN
    assert oracle.read(YOU, SAVED) is oracle.change(YOU, SAVED) is Answer.UNKNOWN
    assert oracle.create_sampler(YOU, "t", 0, "base", SAVED) is Answer.UNKNOWN
    oracle.publish(ME, SAVED, public=True)
    assert oracle.read(YOU, SAVED) is Answer.DONE
    assert oracle.restore_run(YOU, "t", 0, SAVED, optimizer=True) is Answer.DONE
    assert oracle.delete(YOU, SAVED) is oracle.publish(YOU, SAVED, public=False) is Answer.FORBIDDEN
    assert (list(oracle.listed(YOU)), list(oracle.listed(YOU, RUN))) == ([], [SAVED])
    oracle.publish(ME, SAVED, public=False)
    assert oracle.read(YOU, SAVED) is Answer.UNKNOWN


def test_the_model_is_small_and_needs_nothing() -> None:
    text = Path(contracts.oracle.__file__).read_text("utf-8")
    assert len(text.splitlines()) <= 300
    imported = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported == {"__future__", "dataclasses", "enum", "typing"}
