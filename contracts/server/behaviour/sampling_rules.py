"""Samplers: made in every way, asked again and again, cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contracts.oracle import Answer, Order, Sampler, State, sampler_id
from contracts.server.behaviour.checkpoint_rules import CheckpointRules
from contracts.server.behaviour.checks import ALIKE, CANCEL, SAME_ID, SAMPLER, SOUND
from contracts.server.behaviour.runs import named
from contracts.server.behaviour.stage import PICKS, picked, step
from contracts.server.behaviour.wire import DRAWS, ask_for_sample, sample_of
from contracts.server.behaviour.world import OWNER
from contracts.server.tenant import answer_of

if TYPE_CHECKING:
    from contracts.exchange import Exchange


class SamplingRules(CheckpointRules):
    """What samplers see, and that they see it for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[tuple[Sampler, int, str, str]] = []
        self.drawn: dict[tuple[State, str], tuple[int, ...]] = {}

    @rule(pick=PICKS, which=st.none() | PICKS)
    @step(SAMPLER)
    def create_sampler(self, pick: int, which: int | None) -> None:
        """Of the base model, or of a checkpoint."""
        world, session = self.world, self.session(pick)
        path = "" if which is None else self.checkpoint(which).path
        number = world.number(f"samplers of {session}")
        base_model = world.plain.base_model
        world.tell(f"Sampler {number} is made of {named(path) or 'the base model'}")
        answer = world.oracle.create_sampler(OWNER, session, number, base_model, path)
        of = {"model_path": path} if path else {"base_model": base_model}
        made = world.tenant().post("/create_sampling_session", session_id=session, sampling_session_seq_id=number, **of)
        world.expect(answer, made, SAMPLER)
        self.runs.sampler_ids[sampler_id(session, number)] = world.tenant().field(made, "sampling_session_id")

    @rule(pick=PICKS, queued=st.booleans())
    @step(SOUND)
    def save_unnamed(self, pick: int, queued: bool) -> None:
        """Save a run as a sampler, without a name."""
        hand = self.hand(pick)
        number = self.world.number(f"samplers of {hand.id.rpartition(':train:')[0]}")
        self.send_all(hand, [Order("save_weights_for_sampler", number=number)], queued=queued)

    @precondition(lambda self: bool(self.world.oracle.samplers))
    @rule(pick=PICKS, how=st.sampled_from(DRAWS))
    @step(SAMPLER)
    def sample(self, pick: int, how: str) -> None:
        """Sample, and see whose weights it was."""
        world, sampler = self.world, self._sampler(pick)
        number = world.number(f"samples of {sampler.id}")
        submitted = self._ask(sampler, number, how)
        self.samples.append((sampler, number, how, world.tenant().field(submitted, "request_id")))
        told = sample_of(self._final(submitted))
        if self.exploration.readable:
            due = world.plain.loss(sampler.weights, "a")
            off = abs(told.prompt_loss - due)
            for other in world.plain.others(sampler.weights, "a"):
                if abs(told.prompt_loss - other) < off and not world.plain.same(other, due):
                    what = f"the prompt's loss is {told.prompt_loss:.6g}; the sampler's weights have {due:.6g} there"
                    world.broken(SAMPLER, f"{what}, another state has {other:.6g}", *world.tenant().last)
        known = self.drawn.setdefault((sampler.weights, how), told.tokens)
        if known != told.tokens:
            what = f"equal weights drew {list(told.tokens)} ({how}) where they drew {list(known)} before"
            world.broken(ALIKE, what, submitted, *world.tenant().last)
        self.exploration.held[ALIKE] += 1

    @precondition(lambda self: bool(self.samples))
    @rule(pick=PICKS)
    @step(SAME_ID)
    def sample_again(self, pick: int) -> None:
        """Repeat a sample under its number."""
        sampler, number, how, request_id = picked(self.samples, pick)
        again = self._ask(sampler, number, how)
        if self.world.tenant().field(again, "request_id") != request_id:
            self.world.broken(SAME_ID, f"the repeat of sample {number} has another request id", again)

    @precondition(lambda self: bool(self.world.oracle.samplers))
    @rule(pick=PICKS)
    @step(CANCEL)
    def cancel(self, pick: int) -> None:
        """Cancel a sample as soon as it was asked for, then see how it ended."""
        world, sampler = self.world, self._sampler(pick)
        submitted = self._ask(sampler, world.number(f"samples of {sampler.id}"), DRAWS[0])
        request_id = world.tenant().field(submitted, "request_id")
        world.tell("It is cancelled")
        world.expect(Answer.DONE, world.tenant().post("/cancel_future", request_id=request_id), CANCEL)
        first, second = self._final(submitted), self._final(submitted)
        if answer_of(first).body != answer_of(second).body:
            world.broken(CANCEL, "two polls of a cancelled sample were told different things", first, second)

    def _sampler(self, pick: int) -> Sampler:
        self.runs.settle()
        samplers = self.world.oracle.samplers.values()
        return picked([each for each in samplers if each.id in self.runs.sampler_ids], pick)

    def _ask(self, sampler: Sampler, number: int, how: str) -> Exchange:
        world = self.world
        name = sampler.id.rpartition(":")[2]
        world.tell(f"Sampler {name} is asked for sample {number}, {how}")
        answer = world.oracle.sample(OWNER, sampler.id, number, how)
        submitted = ask_for_sample(world.tenant(), self.runs.sampler_ids[sampler.id], number, how)
        world.expect(answer, submitted, SAMPLER)
        return submitted

    def _final(self, submitted: Exchange) -> Exchange:
        return self.runs.final(self.world.tenant().field(submitted, "request_id"))
