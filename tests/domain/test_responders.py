from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mock_server.domain.catalogue import Catalogue, CatalogueEntry
from mock_server.domain.responders import (
    FIRMEST,
    LONGEST_TEXT,
    Responder,
    ScriptedAnswer,
    answer_arithmetic,
    as_next_token,
    compiled,
    respond,
    scripted,
)
from mock_server.domain.tokenizers import decode, encode, end_of_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def model(name: str) -> CatalogueEntry:
    return Catalogue.default()[name]


def said(entry: CatalogueEntry, responders: Sequence[Responder], prompt: str) -> str | None:
    """The text of the answer, without the end-of-text token that every answer ends with."""
    answer = respond(entry, responders, encode(entry, prompt))
    if answer is None:
        return None
    assert answer.ids[-1] == end_of_text(entry)[0]
    return decode(entry, answer.ids[:-1])


INSTRUCT = "Qwen/Qwen3-4B-Instruct-2507"
THINKING = "Qwen/Qwen3-8B"
CAPITAL = Responder(scripted(r"capital of (?P<land>\w{1,20})", r"I wish I knew \g<land>."))


def test_a_rule_answers_with_the_groups_of_its_last_match() -> None:
    prompt = "Q: capital of Spain? A: Madrid\nQ: capital of Chile?\nA:"
    assert said(model(INSTRUCT), [CAPITAL], prompt) == "I wish I knew Chile."


def test_the_first_rule_that_applies_answers() -> None:
    rules = [Responder(scripted("never", "no")), Responder(scripted("capital", "first")), CAPITAL]
    assert said(model(INSTRUCT), rules, "capital of Chile") == "first"


def test_no_rule_no_answer() -> None:
    assert said(model(INSTRUCT), [CAPITAL], "What is love?") is None
    assert said(model(INSTRUCT), [], "capital of Chile") is None


def test_rules_see_the_end_of_the_prompt_only() -> None:
    assert said(model(INSTRUCT), [CAPITAL], "capital of Chile" + " " * LONGEST_TEXT) is None
    assert said(model(INSTRUCT), [CAPITAL], "capital of Chile" + "é" * (LONGEST_TEXT - 30)) is not None


def test_the_same_prompt_has_the_same_answer() -> None:
    ids = encode(model(THINKING), "capital of Chile")
    assert respond(model(THINKING), [CAPITAL], ids) == respond(model(THINKING), [CAPITAL], ids)


@pytest.mark.parametrize(
    ("name", "prompt_end", "answer"),
    [
        # Qwen3 opens its thought itself; `enable_thinking=False` puts an empty one into the prompt.
        (THINKING, "<|im_start|>assistant\n", "<think>\nHm.\n</think>\n\n7"),
        (THINKING, "<|im_start|>assistant\n<think>\n\n</think>\n\n", "7"),
        (INSTRUCT, "<|im_start|>assistant\n", "7"),
        # Qwen3.5's prompt has opened it already.
        ("Qwen/Qwen3.5-4B", "<|im_start|>assistant\n<think>\n", "Hm.\n</think>\n\n7"),
        ("deepseek-ai/DeepSeek-V3.1", "<｜Assistant｜></think>", "7"),  # noqa: RUF001
        ("deepseek-ai/DeepSeek-V3.1", "<｜Assistant｜><think>", "Hm.</think>7"),  # noqa: RUF001
        (
            "openai/gpt-oss-20b",
            "<|start|>assistant",
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>7",
        ),
    ],
)
def test_a_model_thinks_as_its_prompt_lets_it(name: str, prompt_end: str, answer: str) -> None:
    rule = Responder(answer_arithmetic, thought="Hm.")
    assert said(model(name), [rule], f"What is 3+4?{prompt_end}") == answer


def test_a_rule_may_think_for_a_model_that_does_not_and_the_other_way_round() -> None:
    assert said(model(INSTRUCT), [Responder(answer_arithmetic, think=True, thought="Hm.")], "3+4=") == (
        "<think>\nHm.\n</think>\n\n7"
    )
    assert said(model(THINKING), [Responder(answer_arithmetic, think=False)], "3+4=") == "7"
    # A thought that the prompt has opened is closed even then.
    assert said(model(THINKING), [Responder(answer_arithmetic, think=False)], "3+4=<think>\n") == "\n</think>\n\n7"


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("What is 3+4?", "7"),
        ("User: What is 4 + 5?\n\nAssistant: 9\n\nUser: What is 17 + 25?\n\nAssistant:", "42"),
        ("Compute -3 - 4.", "-7"),
        ("12 x 12 =", "144"),
        ("What is 2 + 3 * 4 - 1?", "13"),
        ("7 ÷ 2 × 2", "7"),  # noqa: RUF001
        ("9 / 3", "3"),
        ("9 / 2", None),
        ("1 / 0", None),
        ("It is 2026-11-22 today, version 1.2.3 of 3.5+x", None),
        ("no numbers", None),
        ("What is 3+4?\nA) 6\nB) 7\nC) 8", "B"),
        ("What is 3+4? (a) 7 (b) -7", "a"),
        ("What is 3+4?\nA) 5\nB) 6", "7"),
        (r"What is 3+4? Write it in \boxed{}.", r"\boxed{7}"),
        ("What is 3+4? Write <answer>…</answer>.", "<answer>7</answer>"),
    ],
)
def test_arithmetic(prompt: str, answer: str | None) -> None:
    assert answer_arithmetic(prompt) == answer


def test_a_script_is_followed_token_by_token_and_left_for_good() -> None:
    script = as_next_token(ScriptedAnswer((5, 6, 7), 0.4))
    assert script([]) == (5, 0.4)
    assert script([5]) == (6, FIRMEST)
    assert script([5, 6]) == (7, FIRMEST)
    assert script([5, 6, 7]) is None
    assert script([4]) is None
    assert script([4, 6]) is None
    assert script([5, 9, 7]) is None


def test_a_certain_answer_leaves_every_other_token_a_probability() -> None:
    assert as_next_token(ScriptedAnswer((5,), 1.0))([]) == (5, FIRMEST)


def test_probability_is_that_of_the_rule() -> None:
    rule = replace(CAPITAL, probability=0.25)
    answer = respond(model(INSTRUCT), [rule], encode(model(INSTRUCT), "capital of Chile"))
    assert answer is not None
    assert answer.probability == 0.25


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a*)*",
        "(a|ab|b)*c",
        ".*.*.*x",
        "(a?){40}b",
        "(?:(?:a{1,9}){1,9}){1,9}",
        "(?=(a+)+)b",
        "a?" * 40 + "b",
    ],
)
def test_a_pattern_that_could_hang_the_server_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="could take forever"):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"What is (\d+) ?\+ ?(\d+)\?",
        r"^User:.*weather",
        "(?i)(?:yes|no|maybe), please",
        r"\b\w{1,20}@\w{1,20}\.(com|org)",
    ],
)
def test_an_ordinary_pattern_is_accepted_and_quick_on_a_long_prompt(pattern: str) -> None:
    began = time.perf_counter()
    scripted(pattern, "x")("a" * LONGEST_TEXT)
    assert time.perf_counter() - began < 1


def test_a_long_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 500 characters"):
        compiled("a" * 501)
