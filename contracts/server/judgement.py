"""What the suite found of a server: collected from all its parts, which may run beside one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.tally import Tally, requirement_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.exchange import Exchange
    from contracts.verdicts import Finding


@dataclass
class Part:
    """A part of the suite as it went. ended: how, where it did not come to its end; empty where it did."""

    name: str
    seconds: float = 0.0
    ended: str = ""


@dataclass
class Judgement:
    """tally: every check of a server, over all that was asked. parts: in their order.

    answered: whether the server ever answered anything. told: hears one line of each step, for whoever waits.
    """

    told: Callable[[str], None] = lambda _: None
    tally: Tally = field(default_factory=Tally)
    parts: list[Part] = field(default_factory=list)
    answered: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False)

    def watcher(self) -> Callable[[Exchange], None]:
        """Who looks at the exchanges of one tenant, in their order, by the observer's checks of a server."""
        observer = Observer(Described())

        def watch(exchange: Exchange) -> None:
            # What was sent is ours, or the recorder's: only the server is judged here.
            seen = [found for found in observer.see(exchange) if requirement_of(found).side == "server"]
            with self._lock:
                self.answered = self.answered or exchange.response is not None
                self.tally.add(seen)

        return watch

    def found(self, finding: Finding) -> None:
        """What a check found that belongs to no single exchange."""
        with self._lock:
            self.tally.count(finding)

    @property
    def broken(self) -> bool:
        """Whether a MUST was not kept."""
        return self.tally.broken
