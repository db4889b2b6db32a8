"""What is drawn, and what is told of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from contracts.server.batches import datum
from contracts.server.runs import Run
from contracts.server.samplers import Sampler
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.exchange import Exchange
    from contracts.server.asking import Asker


@check("samples-are-as-asked", requirement="SAM-COUNT", kind="behaviour")
def samples_are_as_asked(asker: Asker) -> None:
    """Three sequences come where three were asked for, each named at once and no longer than it may be."""
    tenant = asker.tenant()
    sampler = Sampler.new(tenant)
    asked = sampler.ask(asker.tokens(4), num_samples=3, sampling_params={"max_tokens": 5})
    names = tenant.ok(asked).get("sample_sequence_ids") or []
    drawn = sampler.drawn(asked)
    if len(drawn) != 3 or len(set(names)) != 3:
        raise Violation(f"{len(drawn)} sequences and {len(set(names))} names for 3", asked, *tenant.last)
    for each in drawn:
        if len(each.tokens) > 5 or len(each.logprobs) != len(each.tokens):
            raise Violation(f"{len(each.tokens)} tokens, {len(each.logprobs)} logprobs for 5", asked, *tenant.last)


@check("stop-reason-is-true", requirement="SAM-STOP-REASON", kind="behaviour")
def stop_reason_is_true(asker: Asker) -> None:
    """A sequence says length where it reached max_tokens, and stop where it ended at a stop token.

    The stops are the tokens of a first sample, so that a second one under its seed meets them. Whether a stop itself
    is told differs between servers, and their end of text may stop a sequence as well.
    """
    tenant, prompt = asker.tenant(), asker.tokens(6)
    sampler = Sampler.new(tenant)
    whole = sampler.sample(prompt, num_samples=4, temperature=1.0, seed=1)
    if any(each.stop_reason != "length" or len(each.tokens) != 8 for each in whole):
        raise Violation("without stops a sequence does not end after 8 tokens, with length", *tenant.last)
    stops = sorted({token for each in whole for token in each.tokens})
    for each in sampler.sample(prompt, num_samples=4, temperature=1.0, seed=1, stop=stops):
        if set(each.tokens[:-1]) & set(stops) or (each.stop_reason == "length" and set(each.tokens) & set(stops)):
            raise Violation(f"with stops {stops} came {each}", *tenant.last)
        if each.stop_reason != ("length" if len(each.tokens) == 8 and each.tokens[-1] not in stops else "stop"):
            raise Violation(f"it says that {each.tokens} ended with {each.stop_reason}", *tenant.last)


@check("seed-decides-the-sample", requirement="SAM-SEED", kind="behaviour")
def seed_decides_the_sample(asker: Asker) -> None:
    """One seed draws the same tokens twice, four seeds not all the same."""
    tenant, prompt = asker.tenant(), asker.tokens(6)
    sampler = Sampler.new(tenant)
    drawn = [sampler.sample(prompt, temperature=1.0, seed=seed)[0].tokens for seed in (1, 2, 3, 4, 1)]
    if drawn[0] != drawn[-1]:
        raise Violation(f"seed 1 drew {drawn[0]} and {drawn[-1]}", *tenant.last)
    if all(tokens == drawn[0] for tokens in drawn):
        raise Violation(f"four seeds at temperature 1 drew the same {drawn[0]}", *tenant.last)


@check("greedy-is-greedy", requirement="SAM-GREEDY", kind="behaviour")
def greedy_is_greedy(asker: Asker) -> None:
    """Temperature 0 draws the same tokens under four seeds."""
    tenant, prompt = asker.tenant(), asker.tokens(6)
    sampler = Sampler.new(tenant)
    drawn = [sampler.sample(prompt, temperature=0.0, seed=seed)[0].tokens for seed in range(4)]
    if any(tokens != drawn[0] for tokens in drawn):
        raise Violation(f"temperature 0 drew {drawn}", *tenant.last)


@check("prompt-has-its-logprobs", requirement="SAM-PROMPT-LOGPROBS", kind="behaviour")
def prompt_has_its_logprobs(asker: Asker) -> None:
    """prompt_logprobs has one number for each token of the prompt, at most 0, and none for the first."""
    tenant, prompt = asker.tenant(), asker.tokens(6)
    first, *others = Sampler.new(tenant).prompt_logprobs(prompt)
    if first is not None or not all(isinstance(each, (int, float)) and each <= 0 for each in others):
        raise Violation(f"prompt_logprobs are {[first, *others]}", *tenant.last)


def _apart(one: Sequence[float | None], other: Sequence[float | None]) -> float:
    """The mean distance of log-probabilities."""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    return sum(abs(a - b) for a, b in pairs) / max(len(pairs), 1)


_SAME: Final = 0.1
"""nats: as far as one machine's kernels may differ in sampling and in scoring."""


@check("logprobs-are-those-of-the-tokens", requirement="SAM-LOGPROBS-TRUE", kind="behaviour")
def logprobs_are_those_of_the_tokens(asker: Asker) -> None:
    """Tokens drawn at temperature 1 have the log-probabilities that they have as part of a prompt."""
    tenant, prompt = asker.tenant(), asker.tokens(6)
    sampler = Sampler.new(tenant)
    drawn = sampler.sample(prompt, temperature=1.0, seed=1)[0]
    scored = sampler.prompt_logprobs([*prompt, *drawn.tokens])[len(prompt) :]
    if _apart(drawn.logprobs, scored) > _SAME:
        raise Violation(f"drawn with {drawn.logprobs}, scored with {scored}", *tenant.last)


@check("sampler-keeps-its-weights", requirement="SAM-WEIGHTS", kind="behaviour")
def sampler_keeps_its_weights(asker: Asker) -> None:
    """A sampler scores as its run did when it was saved, also after the run was trained on and saved again."""
    tenant, tokens = asker.tenant(), asker.tokens(12)
    run, data = Run.new(tenant), datum(tokens)
    run.step(data)
    first = Sampler.new(tenant, run.save("first", kind="sampler_weights"))
    due = -run.loss(data)
    before = first.prompt_logprobs(tokens)
    run.step(data)
    run.step(data)
    second = Sampler.new(tenant, run.save("second", kind="sampler_weights"))
    after = first.prompt_logprobs(tokens)
    if _apart(before, after) > _SAME:
        raise Violation(f"it scored {before}, and {after} after its run was trained on", *tenant.last)
    if abs(sum(each or 0.0 for each in before) - due) > _SAME * len(tokens):
        raise Violation(f"it scored {before}, its run {due:.6g} in all", *tenant.last)
    if _apart(before, second.prompt_logprobs(tokens)) < _SAME:
        raise Violation("a sampler saved two steps later scores the same", *tenant.last)


@check("impossible-parameters-are-refused", requirement="SAM-BAD-PARAMETERS", kind="behaviour")
def impossible_parameters_are_refused(asker: Asker) -> None:
    """A negative temperature, a top_p above 1, and a number of samples below 1 are refused or fail."""
    tenant = asker.tenant()
    sampler = Sampler.new(tenant)
    for parameters in ({"temperature": -1.0}, {"top_p": 1.5}, {"max_tokens": -1}, {"temperature": "warm"}):
        tenant.fails(sampler.ask([10, 11], sampling_params=parameters), 400, 422)
    tenant.fails(sampler.ask([10, 11], num_samples=0), 400, 422)


@check("stream-tells-token-by-token", requirement="SAM-STREAM", kind="behaviour")
def stream_tells_token_by_token(asker: Asker) -> None:
    """stream_sample is server-sent events, one a token, and at the end a finish_reason with their number."""
    tenant = asker.tenant()
    sampler = Sampler.new(tenant)
    answer = tenant.post(
        "/stream_sample",
        sampling_session_id=sampler.id,
        seq_id=0,
        num_samples=1,
        prompt={"chunks": [{"type": "encoded_text", "tokens": asker.tokens(4)}]},
        sampling_params={"max_tokens": 5, "stop": []},
    )
    tenant.refused(answer, 200)
    *tokens, end = _events(answer)
    if not all(isinstance(each.get("token_id"), int) for each in tokens):
        raise Violation("an event before the last has no token_id", answer)
    if end.get("finish_reason") not in {"length", "stop"} or end.get("total_tokens") != len(tokens) or len(tokens) > 5:
        raise Violation(f"after {len(tokens)} tokens the end says {end}", answer)


def _events(answer: Exchange) -> list[dict[str, object]]:
    response = answer_of(answer)
    if response.media_type != "text/event-stream":
        raise Violation(f"the answer is {response.media_type}", answer)
    lines = response.body.decode("utf-8", "replace").splitlines()
    events = [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
    if not events:
        raise Violation("there is no event", answer)
    return events
