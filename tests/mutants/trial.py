"""Does the suite notice? A mutant is asked the checks that are to catch it, and hardly any others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.server import asking
from contracts.server.behaviour import exploring
from contracts.server.behaviour.checks import BEHAVIOUR
from contracts.server.behaviour.exploring import BUDGETS
from contracts.server.judgement import Judgement
from contracts.server.target import Target
from tests.mutants.serving import broken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.mutants.surgery import Mutant

_SECONDS: Final = 120.0
_BUDGET: Final = replace(BUDGETS["short"], seconds=_SECONDS)


@dataclass(frozen=True)
class Trial:
    """seen: the evidence of each check that failed, by its name."""

    mutant: Mutant
    seen: Mapping[str, str] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """The checks that were to fail and did not; empty where the mutant is dead."""
        return [check for check in self.mutant.killed_by if check not in self.seen]

    @property
    def evidence(self) -> str:
        """Of the checks that were to fail, in one line."""
        return "; ".join(" ".join(self.seen[check].split()) for check in self.mutant.killed_by if check in self.seen)


def tried(mutant: Mutant, seed: int = 0) -> Trial:
    """Serve the mutant and ask it."""
    names = {mutant.during, *mutant.killed_by}
    due = [each for each in asking.all_checks() if each.id in names]
    judgement = Judgement()
    with broken(mutant.name) as url:
        asking.run(Target(url, seed=seed), judgement, monotonic() + _SECONDS, due)
        if wanted := names & {*BEHAVIOUR}:
            exploring.run(
                Target(url, seed=seed, clock=True), judgement, monotonic() + _SECONDS, _BUDGET, frozenset(wanted)
            )
    seen = {finding.check: finding.evidence for _, finding in judgement.tally.failures()}
    return Trial(mutant, seen)
