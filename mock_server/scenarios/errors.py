"""What can be wrong with the choice of a scenario."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """line and column from 1; both 0 where the scenario came without a text."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}" if self.line else self.message


class NoScenario(Exception):
    """There is none that could be played; the message says why."""


class UnknownScenario(NoScenario):
    """No scenario has this id, and no file this path."""


class InvalidScenario(NoScenario):
    """What is wrong with a scenario, one line a fault."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults
