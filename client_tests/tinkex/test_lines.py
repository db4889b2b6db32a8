"""No line of what Tinkex needs is without a test."""

from __future__ import annotations

import ast
from pathlib import Path

from client_tests.tinkex.lines import LINES


def marked_lines() -> list[str]:
    """The arguments of every @pytest.mark.tinkex(...) beside this file."""
    found = []
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.tinkex":
                found += [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    return [str(line) for line in found]


def test_every_line_has_a_test() -> None:
    assert set(marked_lines()) == set(LINES)
