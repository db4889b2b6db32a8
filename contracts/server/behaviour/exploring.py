"""Runs the machine until its time is over: finds a broken sequence, shortens it, leaves that check alone, goes on."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.server.behaviour.checks import BEHAVIOUR, EQUAL, EXPIRED, RESTART, SOUND, STRANGERS, TRAINED
from contracts.server.behaviour.plain import NOISE, Plain
from contracts.server.tenant import Tenant
from contracts.tally import requirement_of
from contracts.verdicts import Finding, Violation

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.judgement import Judgement
    from contracts.server.target import Effort, Target


@dataclass(frozen=True)
class Budget:
    """seconds: of the whole. shrinking: of each broken sequence. patience: for one result. restarts: of each plan.

    plans: how many sequences of how many steps, the short ones first: what they catch needs little shortening.
    """

    seconds: float
    shrinking: float
    patience: float
    restarts: int
    plans: tuple[tuple[int, int], ...]


BUDGETS: Final[dict[Effort, Budget]] = {
    "short": Budget(20, 4, 15, 1, ((40, 6), (20, 20))),
    "full": Budget(120, 12, 60, 3, ((150, 6), (80, 15), (50, 40))),
}
RESTART_SECONDS: Final = 60.0


class Over(BaseException):
    """The time is over. No Exception, so that Hypothesis lets it pass at once."""


class Broken(AssertionError):
    """A sequence of requests at whose end a check failed: what Hypothesis shortens."""


@dataclass
class Exploration:
    """What all sequences share. failed: what was found, and is not looked at again. held: how often a check was asked.

    smallest: the shortest broken sequence of the present round, with its steps. wanted: once all of these have failed
    it is over; none: it goes on.
    """

    target: Target
    judgement: Judgement
    deadline: float
    budget: Budget
    wanted: frozenset[str] = frozenset()
    failed: dict[str, Finding] = field(default_factory=dict)
    held: Counter[str] = field(default_factory=Counter)
    sequences: int = 0
    restarts: int = 0
    smallest: tuple[int, Finding] | None = None
    plain: Plain | None = None
    readable: bool = True
    """Whether numbers tell anything on this server."""
    _shrink_until: float = 0.0

    def asks(self, check: str) -> bool:
        """Whether a check is still looked at."""
        return check not in self.failed and self.claimed(check) and not (check in STRANGERS and self.alone)

    def claimed(self, check: str) -> bool:
        """Whether the server claims what the check is about."""
        profile = requirement_of(check).profile
        possible = {RESTART: self.target.restart is not None, EXPIRED: self.target.clock}
        return profile in self.target.profiles and possible.get(check, True)

    @property
    def alone(self) -> bool:
        """Whether there is but one key, and so no stranger."""
        return len(set(self.target.keys)) == 1

    def connect(self, key: str = "", watch: list[Exchange] | None = None) -> Tenant:
        """A tenant's connection for as long as this part runs. watch: collects its exchanges."""
        key = key or self.target.key()
        see = self.judgement.watcher(key)

        def seen(exchange: Exchange) -> None:
            see(exchange)
            if watch is not None:
                watch.append(exchange)

        return Tenant(self.target, seen, key=key, seconds=max(1.0, self.deadline - monotonic() + self.budget.patience))

    def begin(self) -> None:
        """Another sequence begins."""
        self.sequences += 1
        asked = sum(self.held[check] > 0 or check in self.failed for check in BEHAVIOUR)
        self.judgement.doing(f"sequence {self.sequences}, {asked} of {len(BEHAVIOUR)} checks asked")

    def go_on(self) -> None:
        """Over, unless there is time for another step."""
        now = monotonic()
        found = self.wanted and self.wanted <= self.failed.keys()
        if found or now > self.deadline or (self.smallest is not None and now > self._shrink_until):
            raise Over

    def saw(self, finding: Finding, steps: int) -> None:
        """A sequence broke a check; the first one decides how long it is shortened."""
        if self.smallest is None:
            self._shrink_until = monotonic() + self.budget.shrinking
        if self.smallest is None or steps < self.smallest[0]:
            self.smallest = (steps, finding)

    def conclude(self) -> bool:
        """The round is over; whether it found something, which is then final."""
        if self.smallest is None:
            return False
        self.fail(self.smallest[1])
        self.smallest = None
        return True

    def fail(self, finding: Finding) -> None:
        """What was found, for good."""
        self.failed[finding.check] = finding
        self.judgement.told(f"{finding.check}: broken")

    def may_restart(self) -> bool:
        """Whether the server may be restarted once more; to shorten a sequence it may always."""
        return self.target.restart is not None and (self.smallest is not None or self.restarts < self.budget.restarts)

    def restart(self) -> None:
        """Run the target's command. Violation: it fails, so that nothing can be said of what survives."""
        assert self.target.restart is not None  # `may_restart` said so
        self.restarts += 1
        try:
            # A shell command is what the caller gave, of their own machine.
            done = subprocess.run(  # noqa: S602
                self.target.restart, shell=True, capture_output=True, text=True, timeout=RESTART_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Violation(f"the restart did not end within {RESTART_SECONDS:g} seconds") from None
        if done.returncode:
            raise Violation(f"the restart ended with {done.returncode}: {done.stderr.strip()[-200:]}")


def run(
    target: Target,
    judgement: Judgement,
    deadline: float,
    budget: Budget | None = None,
    wanted: frozenset[str] = frozenset(),
) -> None:
    """Explore before the deadline (of `monotonic`), and report on every check.

    budget: that of the target's effort, where none is given. wanted: end as soon as all of these have failed.
    """
    budget = budget or BUDGETS[target.effort]
    exploration = Exploration(target, judgement, min(deadline, monotonic() + budget.seconds), budget, wanted)
    ended = explore(exploration)
    for check in BEHAVIOUR:
        if exploration.claimed(check):
            judgement.found(_verdict(exploration, check, ended))


def explore(exploration: Exploration) -> str:
    """Look for broken sequences until time or plans are over; returns how it ended, for what was not reached."""
    began = monotonic()
    try:
        _calibrate(exploration)
        _elsewhere()
        from contracts.server.behaviour.walks import walk  # noqa: PLC0415 - with Hypothesis, as in `_round`

        walk(exploration)
        for sequences, steps in exploration.budget.plans:
            exploration.sequences = exploration.restarts = 0
            while exploration.sequences < sequences and _round(exploration, sequences, steps):
                pass
    except Over:
        return f"the {monotonic() - began:.0f} seconds of this part were over before it was reached"
    except Violation as violation:
        exploration.fail(Finding(SOUND, passed=False, evidence=violation.evidence, exchanges=violation.exchanges))
    finally:
        if exploration.plain is not None:
            exploration.plain.close()
    if SOUND in exploration.failed:
        return f"it takes requests that succeed, and {SOUND} failed"
    if not exploration.readable:
        return f"it is told by numbers, and {EQUAL} or {TRAINED} failed"
    failed = ", ".join(exploration.failed)
    return f"no sequence came to it{failed and f', for each breaks one of these before: {failed}'}"


def _calibrate(exploration: Exploration) -> None:
    """See how exactly the server repeats its numbers, and whether training moves them."""
    plain = exploration.plain = Plain(exploration.connect)
    plain.begin()
    noise = plain.calibrate()
    if noise > NOISE:
        what = f"three runs of one rank, seed and history differ by {noise:.2g} of their loss"
        exploration.fail(Finding(EQUAL, passed=False, evidence=what, exchanges=plain.tenant.last))
        exploration.readable = False
        return
    before, after = plain.moved()
    if plain.same(before, after):
        what = f"the loss is {after:.6g} after three steps, as it was before"
        exploration.fail(Finding(TRAINED, passed=False, evidence=what, exchanges=plain.tenant.last))
        exploration.readable = False
        return
    exploration.held.update((EQUAL, TRAINED))


def _round(exploration: Exploration, sequences: int, steps: int) -> bool:
    """Draw sequences until one breaks a check; whether one did, so that another round is due."""
    from hypothesis import HealthCheck, Phase, Verbosity, seed, settings  # noqa: PLC0415 - half a second to import
    from hypothesis.errors import Flaky  # noqa: PLC0415 - as above
    from hypothesis.stateful import run_state_machine_as_test  # noqa: PLC0415 - as above

    from contracts.server.behaviour.machine import machine  # noqa: PLC0415 - as above

    drawn = seed(exploration.target.seed * 1000 + len(exploration.failed))(machine(exploration))
    chosen = settings(
        max_examples=sequences - exploration.sequences,
        stateful_step_count=steps,
        database=None,
        deadline=None,  # a step takes as long as the server takes
        derandomize=True,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,  # the next round looks for the next one
        suppress_health_check=list(HealthCheck),  # they guard against slow draws; here it is the server that is slow
        verbosity=Verbosity.quiet,
    )
    try:
        run_state_machine_as_test(drawn, settings=chosen)
    except Over:
        if exploration.smallest is None:
            raise
    except (Broken, Flaky):
        pass  # Flaky: it did not break again when it was repeated. It did break once, and `saw` has it.
    return exploration.conclude()


@cache
def _elsewhere() -> TemporaryDirectory[str]:
    """Where Hypothesis keeps its notes, which is not to be the directory of whoever judges a server."""
    from hypothesis.configuration import set_hypothesis_home_dir  # noqa: PLC0415 - as in `_round`

    directory = TemporaryDirectory(prefix="tinker-check-")
    set_hypothesis_home_dir(directory.name)
    return directory


def _verdict(exploration: Exploration, check: str, ended: str) -> Finding:
    if check in exploration.failed:
        return exploration.failed[check]
    if check in STRANGERS and exploration.alone:
        ended = "it takes a second tenant: give two keys"
    elif exploration.held[check]:
        return Finding(check, passed=True)
    return Finding(check, passed=False, evidence=f"not shown: {ended}")
