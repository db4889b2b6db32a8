"""Regular expressions that users write, and a bound on what trying one can cost.

Python's `re` cannot be interrupted and holds the interpreter's lock, so `(a+)+b` on a long prompt would stop the whole
server. A pattern is therefore accepted only if the number of ways to try it at one place of the text is small.
"""

from __future__ import annotations

import re
from importlib import import_module
from math import prod
from typing import Any, Final

LONGEST_TEXT: Final = 2_000
"""Characters of the prompt, counted from its end, that patterns see."""

LONGEST_PATTERN: Final = 500
_WRAPPERS: Final = {"SUBPATTERN": 3, "ASSERT": 1, "ASSERT_NOT": 1, "ATOMIC_GROUP": 0}
"""What only wraps a pattern, and where in its arguments that pattern is."""

MOST_WAYS: Final = 16 * LONGEST_TEXT**2
"""Two unbounded repeats and four optional parts: seconds for the worst text, microseconds for a usual one."""


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, ready for use. ValueError says what is wrong with it and what to do."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"longer than {LONGEST_PATTERN} characters, shorten it")
    try:
        expression = re.compile(pattern)
    except (re.error, OverflowError) as error:
        raise ValueError(f"not a regular expression ({error}), write one as Python's re takes") from error
    if _ways(_parsed(pattern)) > MOST_WAYS:
        raise ValueError(
            "could take forever on some prompts, use at most two of * and +, and none within a repeated group;"
            r" bounded repeats such as \d{1,6} are cheaper"
        )
    return expression


def _parsed(pattern: str) -> Any:
    # The only parser of Python's own dialect; `sre_parse`, its public name, is deprecated.
    return import_module("re._parser").parse(pattern)


def _ways(node: Any) -> int:
    """How many ways there are, at most, to try a parsed pattern at one place of the longest text."""
    return prod(_ways_of(str(operator), argument) for operator, argument in node)


def _ways_of(operator: str, argument: Any) -> int:
    if operator in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        least, most, body = argument
        return _repeated(_ways(body), least, min(int(most), LONGEST_TEXT))
    if operator in {"BRANCH", "GROUPREF_EXISTS"}:
        branches = argument[1] if operator == "BRANCH" else argument[1:]
        return sum(_ways(branch) for branch in branches if branch is not None)
    if operator in _WRAPPERS:
        return _ways(argument[_WRAPPERS[operator]] if isinstance(argument, tuple) else argument)
    return 1


def _repeated(ways: int, least: int, most: int) -> int:
    """Sum of ways**n for n from least to most, cut off where it is too many anyway."""
    if ways == 1:
        return most - least + 1
    total = 0
    for count in range(least, most + 1):
        total += ways ** min(count, 64)  # 2**64 is already too many
        if total > MOST_WAYS:
            break
    return total
