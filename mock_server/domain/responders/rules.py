"""Scripted answers: what a base model that knows nothing says to prompts that a rule recognises.

Without them every reward of a reinforcement-learning recipe is zero, and recipes skip such groups: they train nothing.
A scripted answer is mixed into the model's own distribution, token by token, so that log-probabilities stay true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mock_server.domain.responders.patterns import LONGEST_TEXT, compiled
from mock_server.domain.tokenizers import decode, encode, end_of_text, family_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mock_server.domain.catalogue import CatalogueEntry

DEFAULT_THOUGHT: Final = "Let me work it out."

FIRMEST: Final = 0.999
"""The largest weight of a scripted token: every other one keeps some probability, so that no logprob is infinite."""


@dataclass(frozen=True, slots=True)
class Responder:
    """One rule: what it answers to a prompt, and how likely the model gives that answer.

    answer: given the prompt's last LONGEST_TEXT characters, the answer's text, or None where the rule does not apply.
    probability: of the answer's beginning, 0 to 1.  think: whether a thought comes first; None: as the model does.
    """

    answer: Callable[[str], str | None]
    probability: float = 1.0
    think: bool | None = None
    thought: str = DEFAULT_THOUGHT


@dataclass(frozen=True, slots=True)
class ScriptedAnswer:
    """The ids of a scripted answer, the end-of-text id last, and the probability of beginning it."""

    ids: tuple[int, ...]
    probability: float


def scripted(pattern: str, answer: str) -> Callable[[str], str | None]:
    r"""Answers the last match of a pattern in the prompt; the answer may use its groups (`\1`, `\g<name>`).

    ValueError where the pattern is none, could take forever, or lacks a group that the answer uses.
    """
    expression = compiled(pattern)
    try:
        # Reads the template though nothing matches: a wrong group shows at start-up, not at the first match.
        expression.sub(answer, "")
    except (re.error, IndexError) as error:
        raise ValueError(
            f"the answer {answer!r} uses a group that the pattern lacks ({error}), change one of them"
        ) from error

    def answered(prompt: str) -> str | None:
        match = None
        for match in expression.finditer(prompt):  # noqa: B007 (the last is the question, those before are examples)
            pass
        return None if match is None else match.expand(answer)

    return answered


def respond(entry: CatalogueEntry, responders: Sequence[Responder], prompt_ids: Sequence[int]) -> ScriptedAnswer | None:
    """The answer of the first rule that applies to a prompt, in the served tokenizer's ids, or None.

    The same prompt always gets the same answer, so that a forward pass can find it again.
    """
    if not responders:
        return None
    # An id is at least one byte, and a character at most four.
    prompt = decode(entry, prompt_ids[-4 * LONGEST_TEXT :])[-LONGEST_TEXT:]
    for responder in responders:
        answer = responder.answer(prompt)
        if answer is not None:
            text = _as_turn(entry, responder, prompt, answer)
            return ScriptedAnswer((*encode(entry, text), end_of_text(entry)[0]), responder.probability)
    return None


def _as_turn(entry: CatalogueEntry, responder: Responder, prompt: str, answer: str) -> str:
    """The answer as the model's turn, with its thought where it thinks and the prompt has not settled that."""
    opening, closing = family_of(entry).thought
    answer = family_of(entry).answer_opening + answer
    think = entry.thinking if responder.think is None else responder.think
    written = prompt.rstrip()
    if written.endswith("</think>"):  # `enable_thinking=False` puts an empty thought into the prompt
        return answer
    if written.endswith("<think>"):  # the thought is open already: it must be closed
        return (responder.thought if think else "") + closing + answer
    return opening + responder.thought + closing + answer if think else answer


def as_next_token(answer: ScriptedAnswer) -> Callable[[Sequence[int]], tuple[int, float] | None]:
    """A function from the ids sampled so far to the next scripted id and its weight; None once they left the script.

    With weight w and scripted id s the next token's distribution is (1 - w) * model + w * [token == s]. The weight of
    the first token is the answer's probability; an answer begun is kept up, so that the whole is about as likely.
    """
    script = answer.ids

    def scripted_next(sampled: Sequence[int]) -> tuple[int, float] | None:
        at = len(sampled)
        if at >= len(script) or tuple(sampled) != script[:at]:
            return None
        return script[at], FIRMEST if at else min(answer.probability, FIRMEST)

    return scripted_next
