"""Scenario files, read: every fault with its file, line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mock_server.faults.problems import Problem, problems
from mock_server.scenarios.document import Document, Unreadable, read_document
from mock_server.scenarios.errors import Fault, InvalidScenario
from mock_server.scenarios.names import names
from mock_server.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file, which has its id for a name. Raises InvalidScenario; OSError where there is no file."""
    file = str(path)
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidScenario([Fault(file, 1, 1, f"byte {error.start} is no UTF-8")]) from error
    scenario = scenario_of_text(text, file)
    if scenario.id != path.stem:
        line, column = read_document(text).position(Problem(("id",), ""))
        said = f"id: it is {scenario.id!r} in a file called {path.name}: give both one name"
        raise InvalidScenario([Fault(file, line, column, said)])
    return scenario


def scenario_of_text(text: str, file: str) -> Scenario:
    """The scenario of a YAML text; `file` is what errors call it. Raises InvalidScenario."""
    try:
        document = read_document(text)
    except Unreadable as error:
        raise InvalidScenario([Fault(file, error.line, error.column, str(error))]) from error
    try:
        found = _scenario(document.value, document.repeated)
    except _Wrong as wrong:
        raise InvalidScenario(_sorted_faults(wrong.problems, document, file)) from wrong
    return found


def scenario_of(given: Mapping[str, Any]) -> Scenario:
    """The scenario of a JSON object. Raises InvalidScenario."""
    try:
        return _scenario(given)
    except _Wrong as wrong:
        raise InvalidScenario([Fault("", 0, 0, str(each)) for each in wrong.problems]) from wrong


def _sorted_faults(found: list[Problem], document: Document, file: str) -> list[Fault]:
    """The problems with their positions, in the order of the lines."""
    placed = sorted((document.position(each), str(each)) for each in found)
    return [Fault(file, line, column, message) for (line, column), message in placed]


class _Wrong(Exception):
    def __init__(self, found: list[Problem]) -> None:
        super().__init__()
        self.problems = found


def _scenario(value: Any, repeated: tuple[Problem, ...] = ()) -> Scenario:
    try:
        scenario = Scenario.model_validate(value)
    except ValidationError as invalid:
        raise _Wrong([*repeated, *problems(invalid)]) from invalid
    wrong = [*repeated, *names().problems(scenario)]
    if wrong:
        raise _Wrong(wrong)
    return scenario
