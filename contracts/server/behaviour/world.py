"""One sequence of requests: who is connected, what the model says, and the story for the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NoReturn

from contracts.observer.history import slim
from contracts.oracle import Answer, Oracle
from contracts.server.behaviour.checks import EQUAL, ORDER, RESTART, SOUND, SUSPECTS
from contracts.server.behaviour.exploring import Broken, Over
from contracts.server.behaviour.wire import place
from contracts.server.tenant import answer_of
from contracts.verdicts import Finding, Violation

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.behaviour.exploring import Exploration
    from contracts.server.behaviour.plain import Plain
    from contracts.server.tenant import Tenant

OWNER: Final = "owner"
STRANGER: Final = "stranger"
SHOWN_STEPS: Final = 40
SHOWN_EXCHANGES: Final = 60


class NotNow(Exception):
    """There is nothing that this step could be done to."""


class Abandoned(Exception):
    """A check failed that has failed before: the sequence ends, and tells nothing new."""


class World:
    """The tenants, the model, and whether the server agrees with it.

    marks: what was done that must change nothing, by the check that says so. queued: whether anything was sent before
    the result of what came before it was there. ended: nothing more is done.
    """

    def __init__(self, exploration: Exploration) -> None:
        exploration.begin()
        self.exploration = exploration
        self.oracle = Oracle()
        self.marks: set[str] = set()
        self.queued = False
        self.ended = False
        self._story: list[str] = []
        self._exchanges: list[Exchange] = []
        self._tenants: dict[str, Tenant] = {}
        self._sessions: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    @property
    def plain(self) -> Plain:
        assert self.exploration.plain is not None  # calibrated before any sequence
        return self.exploration.plain

    # The wire.

    def tenant(self, who: str = OWNER, connection: int = 0) -> Tenant:
        """A tenant, connected when it is first needed; `connection` counts further ones of the same."""
        name = f"{who}/{connection}"
        if name not in self._tenants:
            key = self.tenant(who).key if connection else ""
            others = {tenant.key for other, tenant in self._tenants.items() if not other.startswith(who)}
            self._tenants[name] = self.exploration.connect(key, self._exchanges)
            while self._tenants[name].key in others:  # the keys that were given come in turn
                self._tenants[name].close()
                self._tenants[name] = self.exploration.connect("", self._exchanges)
        return self._tenants[name]

    def session_of(self, who: str) -> str:
        """A session of the tenant's to try things in, of which the model knows nothing."""
        if who not in self._sessions:
            self._sessions[who] = self.tenant(who).session()
        return self._sessions[who]

    def restart(self) -> None:
        """Restart the server; everybody connects anew under their old keys."""
        self.exploration.restart()
        for name, tenant in self._tenants.items():
            tenant.close()
            self._tenants[name] = self.exploration.connect(tenant.key, self._exchanges)
        self.plain.reconnect()

    def pass_time(self, seconds: float) -> None:
        """Move the owner's clock on."""
        tenant = self.tenant()
        where = f"{self.exploration.target.url}/__admin/clock/advance"
        tenant.ok(tenant.send("POST", where, {"seconds": seconds, "api_key": tenant.key}))
        self.oracle.now += seconds

    def tidy(self) -> None:
        """Leave nothing behind: keys that were given belong to somebody."""
        tenant = self.tenant()
        with suppress(Violation):
            for path in self.oracle.listed(OWNER):
                tenant.send("DELETE", place(path))
            for session in self.oracle.sessions:
                tenant.post(f"/sessions/{session}/finish", reason={"type": "success"}, detail=None)

    def close(self) -> None:
        self.ended = True
        if self.exploration.target.keys and self._tenants:
            self.tidy()
        while self._tenants:
            self._tenants.popitem()[1].close()

    def number(self, counter: str) -> int:
        """The next number of whatever is counted."""
        self._numbers[counter] = self._numbers.get(counter, -1) + 1
        return self._numbers[counter]

    # The verdict.

    def tell(self, sentence: str) -> None:
        """What is done next, for the report."""
        self._story.append(sentence)

    @contextmanager
    def step(self, check: str) -> Iterator[None]:
        """What is done within it is held to this check, where nothing says better."""
        try:
            self.exploration.go_on()
        except Over:
            self.ended = True
            raise
        with suppress(Abandoned):
            try:
                yield
            except NotNow:
                return
            except Violation as violation:
                blamed = self.suspect(check) if check == SOUND else check
                self.broken(blamed, violation.evidence, *violation.exchanges)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                # An answer of a form that nobody foresaw; the observer names it, this check can't be passed.
                self.broken(check, f"the answers have no form to judge: {error!r}")
            if check not in SUSPECTS:  # of those only numbers tell
                self.exploration.held[check] += 1

    def broken(self, check: str, what: str, *exchanges: Exchange) -> NoReturn:
        """The server did not do what the model foretold. Raises Broken; Abandoned, where that is known already."""
        if self.ended:
            raise Abandoned
        self.ended = True
        check = RESTART if RESTART in self.marks else check
        if not self.exploration.asks(check):
            raise Abandoned
        steps = [f"{number}. {told}." for number, told in enumerate(self._story, 1)]
        if len(steps) > SHOWN_STEPS:
            steps = ["(...)", *steps[-SHOWN_STEPS:]]
        evidence = f"{what}. The steps: {' '.join(steps)}"
        seen = self._exchanges[-SHOWN_EXCHANGES:]
        seen = [exchange for exchange in seen if exchange not in exchanges] + list(exchanges)
        finding = Finding(check, passed=False, evidence=evidence, exchanges=tuple(slim(each) for each in seen))
        self.exploration.saw(finding, len(self._story))
        raise Broken(evidence)

    def expect(self, answer: Answer, exchange: Exchange, check: str) -> None:
        """The status must be what the model says."""
        status = answer_of(exchange).status
        if status not in answer.value:
            due = " or ".join(map(str, answer.value))
            self.broken(check, f"{exchange.request} was answered with {status} where {due} was due", exchange)

    def suspect(self, otherwise: str) -> str:
        """The check that a wrong number or outcome is put down to: what happened that must change nothing."""
        found = next((each for each in SUSPECTS if each in self.marks), None)
        return found or (ORDER if self.queued and otherwise in {EQUAL, SOUND} else otherwise)
