"""docs/traps.md numbers the traps; every one has tests, and they are the ones that it names."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "traps.md"


def marked_tests() -> dict[int, set[str]]:
    """The tests by the numbers in their marks."""
    found: dict[int, set[str]] = defaultdict(set)
    for file in HERE.glob("test_traps_*.py"):
        functions = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
        for function in functions:
            for mark in function.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.trap":
                    found[int(ast.unparse(mark.args[0]))].add(function.name)
    return found


def named_tests() -> dict[int, set[str]]:
    """The tests by the rows of the page."""
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    return {int(number): set(re.findall(r"`(test_\w+)`", row)) for number, row in rows}


def test_every_trap_has_the_tests_that_the_page_names() -> None:
    assert named_tests().keys() == set(range(1, 21))
    assert named_tests() == marked_tests()
