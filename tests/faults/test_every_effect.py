"""Every effect is on the page, with a rule that is one, and is tried by a test."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Final

import pytest

from contracts.spec import operations
from docs.faults_page import EXAMPLES, rule_of
from mock_server.faults import FaultRule
from mock_server.faults.registry import EFFECTS, PHASES, Effect

ROOT: Final = Path(__file__).parents[2]
TRIED: Final = {
    node.value
    for folder in ("tests/faults", "client_tests/faults")
    for file in (ROOT / folder).glob("test_*.py")
    for node in ast.walk(ast.parse(file.read_text()))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}


def test_there_are_effects_of_every_phase() -> None:
    assert {phase for effect in EFFECTS.values() for phase in effect.phases} == PHASES.keys()
    assert EXAMPLES.keys() == EFFECTS.keys()


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_an_effect_is_documented_by_a_rule_that_is_one_and_tried(name: str) -> None:
    page = (ROOT / "docs" / "faults.md").read_text()
    assert f"\n### {name}\n" in page
    rule = FaultRule.parse(rule_of(name))
    assert rule.acts.name == name
    assert set(rule.operation or ()) <= operations().keys()
    assert EFFECTS[name].__doc__
    assert name in TRIED, f"no test in tests/faults or client_tests/faults names {name}"


def test_one_file_holds_one_effect() -> None:
    files = [file for file in (ROOT / "mock_server/faults/effects").rglob("*.py") if file.name != "__init__.py"]
    names: dict[str, type[Effect] | Any] = {file.stem: EFFECTS.get(file.stem) for file in files}
    assert names == EFFECTS
