"""What the suite found of a server: collected from all its parts, which may run beside one another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.observer.history import slim
from contracts.requirements import SERVER_PROFILES
from contracts.tally import Tally, operation_id, requirement_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.exchange import Exchange
    from contracts.verdicts import Finding

KEPT_BODY: Final = 16 * 1024
"""Bytes of a body that are kept as evidence: enough to repeat it, unless its length is the point."""
UNANSWERED: Final = 40
SILENCE: Final = 60.0
"""Seconds; longer than the longest poll."""


@dataclass
class Part:
    """A part of the suite as it went. ended: how, where it did not come to its end; empty where it did.

    crashed: whether it stumbled itself, which says nothing about the server. exchanges: those of this part.
    notes: what a reader of the report should know, such as what was left out.
    """

    name: str
    seconds: float = 0.0
    ended: str = ""
    crashed: bool = False
    exchanges: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class Judgement:
    """tally: every check of a server, over all that was asked. parts: in their order.

    profiles: what the server claims; findings about anything else do not count.
    answered: whether the server ever answered anything. told: hears one line of each step, for whoever waits;
    doing: hears what goes on, more often, for who shows it and forgets it.
    """

    told: Callable[[str], None] = lambda _: None
    doing: Callable[[str], None] = lambda _: None
    profiles: tuple[str, ...] = SERVER_PROFILES
    tally: Tally = field(default_factory=Tally)
    parts: list[Part] = field(default_factory=list)
    answered: bool = False
    closed: bool = False
    """Whether the verdict is being written: what comes now from who was left behind comes too late."""
    _watchers: dict[str, Callable[[Exchange], None]] = field(default_factory=dict, repr=False)
    _unanswered: int = 0
    _heard: float = field(default_factory=monotonic)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def watcher(self, key: str = "") -> Callable[[Exchange], None]:
        """Who looks at the exchanges of one tenant, in their order, by the observer's checks of a server.

        key: whose; the same one again for the same key, whatever connections it has. Without, nobody else's.
        """
        with self._lock:
            watch = self._watchers.get(key) or self._watch()
            if key:
                self._watchers[key] = watch
        return watch

    def _watch(self) -> Callable[[Exchange], None]:
        observer, one_by_one = Observer(Described()), Lock()

        def watch(exchange: Exchange) -> None:
            with one_by_one:
                seen = [found for found in observer.see(exchange) if self._counts(found)]
            with self._lock:
                if exchange.response is None:
                    self._unanswered += 1
                else:
                    self.answered, self._unanswered, self._heard = True, 0, monotonic()
                if not self.closed:
                    self.tally.add(seen, operation_id(exchange))

        return watch

    def found(self, finding: Finding) -> None:
        """What a check found that belongs to no single exchange."""
        if self._counts(finding):
            with self._lock:
                if not self.closed:
                    shown = tuple(slim(exchange, KEPT_BODY) for exchange in finding.exchanges)
                    self.tally.count(replace(finding, exchanges=shown))

    def note(self, text: str) -> None:
        """Something about the part that is running which belongs into the report, once."""
        if self.parts and text not in self.parts[-1].notes:
            self.parts[-1].notes.append(text)

    def is_gone(self) -> bool:
        """Whether the server answers nothing any more: so long, or so many times in a row, that nobody need wait."""
        return self._unanswered >= UNANSWERED or (self._unanswered > 1 and monotonic() - self._heard > SILENCE)

    @property
    def broken(self) -> bool:
        """Whether a MUST was not kept."""
        return self.tally.broken

    def _counts(self, finding: Finding) -> bool:
        """Whether it is about the server, what was sent being ours or the recorder's, and about what it claims."""
        requirement = requirement_of(finding.check)
        return requirement.side == "server" and requirement.profile in self.profiles
