"""Requirements, checks and what the checks are known to catch: nothing stands alone."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from contracts.requirements import PROFILES, Requirement, requirements
from contracts.server.known import known_checks
from contracts.verdicts import CHECKS

TESTS: Final = Path(__file__).parent


@cache
def calls() -> list[ast.Call]:
    """Every call in tests and in mutants: a decorator or a table needs no import to say what it is about."""
    files = [*TESTS.rglob("test_*.py"), *TESTS.with_name("mutants").rglob("*.py")]
    trees = [ast.parse(path.read_text("utf-8"), path.name) for path in files]
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


@cache
def exemplified() -> frozenset[str]:
    """The checks that a test is a negative example for: `breaks("id")`, as a mark or in a table."""
    found = set()
    for call in calls():
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == "breaks" and isinstance(call.args[0], ast.Constant):
            found.add(str(call.args[0].value))
    return frozenset(found)


@cache
def killers() -> frozenset[str]:
    """The checks that a broken server says that it is caught by: `killed_by="id"`, or several."""
    given = [keyword.value for call in calls() for keyword in call.keywords if keyword.arg == "killed_by"]
    texts = (node.value for value in given for node in ast.walk(value) if isinstance(node, ast.Constant))
    return frozenset(str(text) for text in texts if text)


@pytest.mark.parametrize("requirement", requirements().values(), ids=lambda requirement: requirement.id)
def test_a_requirement_has_checks_and_each_of_them_exists(requirement: Requirement) -> None:
    assert requirement.checks, f"nothing tests {requirement.id}: {requirement.text}"
    assert set(requirement.checks) <= known_checks()


@pytest.mark.parametrize("check", sorted(known_checks()))
def test_a_check_has_a_requirement_that_names_it(check: str) -> None:
    requirement = requirements().get(CHECKS[check].requirement)
    assert requirement is not None, f"{check} stands for {CHECKS[check].requirement}, which is no requirement"
    assert check in requirement.checks, f"add {check} to the checks of {requirement.id}"


@pytest.mark.parametrize("check", sorted(known_checks()))
def test_a_check_is_known_to_catch_something(check: str) -> None:
    assert check in exemplified() | killers(), "give it a test marked breaks(), or a mutant that it kills"


def test_examples_and_mutants_name_checks_that_exist() -> None:
    assert exemplified() | killers() <= known_checks()


def test_requirements_are_well_formed() -> None:
    for requirement in requirements().values():
        assert requirement.keyword in {"MUST", "SHOULD"}
        assert requirement.side in {"server", "client"}
        assert requirement.profile in PROFILES
        assert requirement.text.endswith(".")
        assert requirement.source


def test_the_description_names_requirements_that_exist() -> None:
    from contracts.spec import operations

    named = {requirement for operation in operations().values() for requirement in operation.requirements}
    assert named <= requirements().keys()
