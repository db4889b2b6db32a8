"""No scenario is without a test in which a client meets it."""

from __future__ import annotations

import ast
from pathlib import Path

from client_tests.scenarios.playing import library


def marked() -> set[str]:
    """The arguments of every @pytest.mark.scenario(...) beside this file."""
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.scenario":
                found |= {str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)}
    return found


def test_every_scenario_has_a_test() -> None:
    assert marked() == set(library().ids)
