"""What schemathesis finds and nobody need mend: exclusions.yaml, each with its reason; what nothing needs is stale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from contracts.documents import read_yaml

if TYPE_CHECKING:
    from contracts.exchange import Exchange

FILE = "contracts/server/shape/exclusions.yaml"


@dataclass(frozen=True)
class Exclusion:
    """check, operation: ids. status: of the answer. reason: why nobody need mend it."""

    check: str
    operation: str
    status: int
    reason: str

    def covers(self, check: str, operation: str, status: int | None) -> bool:
        """Whether it speaks of such a failure."""
        return (self.check, self.operation, self.status) == (check, operation, status)

    def __str__(self) -> str:
        return f"{self.check} of {self.operation} with {self.status}"


class Exclusions:
    """Those of the file, with those that were needed in one run."""

    def __init__(self, listed: tuple[Exclusion, ...] | None = None) -> None:
        self.listed = reviewed() if listed is None else listed
        self.used: set[Exclusion] = set()
        self._lock = Lock()

    def cover(self, check: str, operation: str, exchange: Exchange | None) -> bool:
        """Whether a failure is excluded; remembers which exclusion did it."""
        status = None if exchange is None or exchange.response is None else exchange.response.status
        covering = [each for each in self.listed if each.covers(check, operation, status)]
        with self._lock:
            self.used.update(covering)
        return bool(covering)

    def stale(self) -> list[Exclusion]:
        """Those that nothing needed."""
        return [each for each in self.listed if each not in self.used]


@cache
def reviewed() -> tuple[Exclusion, ...]:
    """The file's."""
    return tuple(Exclusion(**each) for each in read_yaml(Path(__file__).with_name("exclusions.yaml")) or ())
