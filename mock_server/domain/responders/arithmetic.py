"""The built-in responder that can add: it answers the last calculation of a prompt, as a number or as a choice."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

# Signs that people write, and what they mean.
_SIGNS: Final = str.maketrans({"−": "-", "–": "-", "×": "*", "x": "*", "·": "*", "÷": "/"})  # noqa: RUF001

_NUMBER: Final = r"\d{1,12}"
_CALCULATION: Final = re.compile(
    r"(?<![\w.-])(?!\d{4}-\d\d-\d\d)"  # within no word or number, and no date
    rf"-?{_NUMBER}(?: ?[-+*/−–×x·÷] ?{_NUMBER}){{1,8}}(?!\w|\.\d)"  # noqa: RUF001
)
_CHOICE: Final = re.compile(rf"(?:^|\s)\(?([A-Ja-j])[).:] ?(-?{_NUMBER})(?!\w)")


def answer_arithmetic(prompt: str) -> str | None:
    r"""The result of the last calculation (`3 + 4`, `2*3 - 1`) of a prompt; None without one, or if it is no integer.

    Where choices follow (`A) 6  B) 7`), the letter of the right one. Written as the prompt asks: in `\boxed{}` or in
    `<answer>` tags where it mentions them.
    """
    calculations = list(_CALCULATION.finditer(prompt))
    if not calculations:
        return None
    question = calculations[-1]  # those before are examples
    result = _result(question[0].translate(_SIGNS))
    if result is None:
        return None
    choices = {int(number): letter for letter, number in _CHOICE.findall(prompt, question.end())}
    answer = choices.get(result, str(result))
    if r"\boxed" in prompt:
        return rf"\boxed{{{answer}}}"
    return f"<answer>{answer}</answer>" if "<answer>" in prompt else answer


def _result(calculation: str) -> int | None:
    """The value of numbers joined by + - * /, products first; None where it is no integer."""
    first, *rest = re.findall(r"^-?\d+|\d+|[-+*/]", calculation)
    total, term = Fraction(0), Fraction(int(first))
    for sign, digits in zip(rest[::2], rest[1::2], strict=True):
        number = int(digits)
        if sign == "*":
            term *= number
        elif sign == "/":
            if number == 0:
                return None
            term /= number
        else:
            total, term = total + term, Fraction(number if sign == "+" else -number)
    total += term
    return total.numerator if total.denominator == 1 else None
