"""The built-in responder that can add: it answers the last calculation of a prompt, as a number or as a choice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPERATIONS: Final[Mapping[str, Callable[[int, int], int]]] = {
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
    "/": int.__floordiv__,
}
_SIGNS: Final = str.maketrans({"−": "-", "–": "-", "×": "*", "x": "*", "·": "*", "÷": "/"})  # noqa: RUF001 (users write these)

_CALCULATION: Final = re.compile(r"(?<![\w.])(-?\d{1,12}) ?([-+*/−–×x·÷]) ?(\d{1,12})(?![\w.]\w)")  # noqa: RUF001
_CHOICE: Final = re.compile(r"(?:^|\s)\(?([A-Ja-j])[).:] ?(-?\d{1,12})(?!\w)")


def answer_arithmetic(prompt: str) -> str | None:
    r"""The result of the last `3 + 4` of a prompt, or None where there is none or it is no whole number.

    Where choices follow (`A) 6  B) 7`), the letter of the right one. Written as the prompt asks: in `\boxed{}` or in
    `<answer>` tags where it mentions them.
    """
    calculation = None
    for calculation in _CALCULATION.finditer(prompt):  # noqa: B007 (the last one is the question, those before are examples)
        pass
    if calculation is None:
        return None
    result = _result(int(calculation[1]), calculation[2].translate(_SIGNS), int(calculation[3]))
    if result is None:
        return None
    choices = {int(value): letter for letter, value in _CHOICE.findall(prompt, calculation.end())}
    answer = choices.get(result, str(result))
    if r"\boxed" in prompt:
        return rf"\boxed{{{answer}}}"
    return f"<answer>{answer}</answer>" if "<answer>" in prompt else answer


def _result(left: int, sign: str, right: int) -> int | None:
    if sign == "/" and (right == 0 or left % right):
        return None
    return _OPERATIONS[sign](left, right)
