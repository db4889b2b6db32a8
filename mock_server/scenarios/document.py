"""A YAML document that still knows where each of its values stood, so that what is wrong with one has a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from yaml.reader import ReaderError

from mock_server.core_yaml import CoreLoader
from mock_server.faults.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.faults.problems import Place


class Unreadable(ValueError):
    """The text is no document. line and column count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Position:
    """Lines and columns from 1, of a field's name and of its value; of an item of a list both are the item's."""

    name: tuple[int, int]
    value: tuple[int, int]


@dataclass(frozen=True)
class Document:
    """value: what YAML 1.2 makes of it. positions: of every value in it, by the way there."""

    value: Any
    positions: Mapping[Place, Position]
    repeated: tuple[Problem, ...]
    """Fields that stand there twice, of which YAML would keep one without a word."""

    def position(self, problem: Problem) -> tuple[int, int]:
        """Line and column of what is wrong, or of the nearest thing around it that is there."""
        place = problem.place
        while place not in self.positions:
            place = place[:-1]
        found = self.positions[place]
        return found.name if problem.of_name or place != problem.place else found.value


def read_document(text: str) -> Document:
    """The document of a text. Unreadable where it is no YAML, or more than one document."""
    try:
        loader = CoreLoader(text)
        root = loader.get_single_node()
        if root is None:
            raise Unreadable("the document is empty", 1, 1)
        reader = _Reader(loader)
        return Document(reader.read(root, ()), reader.positions, tuple(reader.repeated))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Unreadable(", ".join(filter(None, (error.context, error.problem))), line, column) from error
    except ReaderError as error:
        # Of characters that no text has, YAML tells only how many stand before them.
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        raise Unreadable(error.reason, line, column) from error
    except RecursionError as error:
        raise Unreadable("it is nested too deep", 1, 1) from error


class _Reader:
    def __init__(self, loader: CoreLoader) -> None:
        self._loader = loader
        self._seen: set[int] = set()
        self.positions: dict[Place, Position] = {}
        self.repeated: list[Problem] = []

    def read(self, node: yaml.Node, place: Place, name: yaml.Node | None = None) -> Any:
        if id(node) in self._seen:
            # Nobody needs them here, and a few lines of them can mean more values than there is memory.
            raise yaml.MarkedYAMLError(problem="an alias: write the value out", problem_mark=node.start_mark)
        self._seen.add(id(node))
        self.positions[place] = Position(_position(name or node), _position(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*place, index)) for index, item in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a field's name must be a word", problem_mark=name.start_mark)
            key = str(name.value)
            if key in found:
                self.repeated.append(Problem((*place, key), "the field is there twice", of_name=True))
            found[key] = self.read(value, (*place, key), name)
        return found


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
