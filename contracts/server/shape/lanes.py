"""Generated requests side by side: each lane has its operations and a tenant, and asks one thing after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.server.shape.belongings import Belongings
    from contracts.server.shape.description import Asked
    from contracts.server.shape.generation import AnyCase
    from contracts.server.shape.trial import Trials

AT_ONCE: Final = 4
"""Requests on their way at a time, where each may have a tenant of its own."""
TURN: Final = 8
"""Requests of an operation before the others have their turn, so that all get their share of too little time."""


class Lanes:
    """The operations, shared out always alike, so that the same seed asks the same tenants the same."""

    def __init__(self, cases: Mapping[Asked, list[AnyCase]], trials: Trials, doing: Callable[[str], None]) -> None:
        count = AT_ONCE if trials.target.takes_any_key else 1
        shared = [dict(islice(cases.items(), number, None, count)) for number in range(count)]
        self._lanes = [_Lane(each, trials) for each in shared]
        self._doing = doing

    def ask(self, deadline: float) -> int:
        """Everything, or as much as there is time for: how many requests that were."""
        with ThreadPoolExecutor(len(self._lanes)) as pool:
            while any(list(pool.map(lambda lane: lane.turn(deadline), self._lanes))):
                self._doing(f"{sum(lane.asked for lane in self._lanes)} requests")
        return sum(lane.asked for lane in self._lanes)


class _Lane:
    def __init__(self, cases: Mapping[Asked, list[AnyCase]], trials: Trials) -> None:
        self._trials = trials
        self._tenant: Belongings | None = None
        self._left = {operation: self._shuffled(operation, each) for operation, each in cases.items()}
        self.asked = 0

    def _shuffled(self, operation: Asked, cases: list[AnyCase]) -> list[AnyCase]:
        """Where the time is over early, each seed asks others."""
        draw = Random(f"{self._trials.target.seed} {operation.id}")  # noqa: S311 - no secret
        return draw.sample(cases, len(cases))

    def turn(self, deadline: float) -> bool:
        """A few requests of each operation; whether there is more to ask."""
        for operation, cases in self._left.items():
            for _ in range(min(TURN, len(cases))):
                if monotonic() > deadline or self._trials.server_is_gone:
                    return False
                if self._trials.is_silent(operation):
                    cases.clear()
                    break
                self._tenant = self._trials.ask(operation, cases.pop(), self._tenant or self._trials.belongings())
                self.asked += 1
        return any(self._left.values())
