"""Runs the checks of contracts/server/checks, several at a time where each can have a tenant of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pkgutil import iter_modules
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Final

from contracts.requirements import requirements
from contracts.server.tenant import LONGEST_CHECK, Tenant
from contracts.verdicts import CHECKS, Finding, TooSlow, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.server.judgement import Judgement
    from contracts.server.target import Target
    from contracts.verdicts import Check

AT_ONCE: Final = 8
"""Most of a check's time is the server's, and some wait for seconds."""
ATTEMPTS: Final = 3
"""So often is asked what was right but late."""


class Asker:
    """What a check is given: the target, and as many tenants as it needs; they are closed behind it.

    draw: where its data come from; the same for the same check and the target's seed.
    """

    def __init__(self, target: Target, judgement: Judgement, check_id: str, seconds: float) -> None:
        """`seconds`: that its tenants may take."""
        self.target = target
        self._seconds = seconds
        self.draw = Random(f"{target.seed} {check_id}")  # noqa: S311 - data for a test, no secret
        self._judgement = judgement
        self._open = ExitStack()

    def tenant(self, key: str = "") -> Tenant:
        """Another tenant, watched by the observer. Where the server takes but one key, the same one again.

        key: a certain one, to be the same tenant over another connection.
        """
        key = key or self.target.key()
        tenant = Tenant(self.target, self._judgement.watcher(key), key=key, seconds=self._seconds)
        self._open.callback(tenant.close)
        return tenant

    def stranger_to(self, tenant: Tenant) -> Tenant:
        """A tenant of another key. Violation: there is none, so what strangers may do can't be shown."""
        for _ in range(2):
            other = self.tenant()
            if other.key != tenant.key:
                return other
        raise Violation("what another tenant may do can't be asked with one key: give a second --key")

    def tokens(self, count: int) -> list[int]:
        """Tokens that every vocabulary has."""
        return [self.draw.randrange(10, 250) for _ in range(count)]

    def close(self) -> None:
        self._open.close()


def all_checks() -> tuple[Check, ...]:
    """The checks of this part; importing their modules registers them."""
    package = import_module("contracts.server.checks")
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    return tuple(
        each
        for each in CHECKS
        if each.function is not None and each.function.__module__.startswith(f"{package.__name__}.")
    )


def run(target: Target, judgement: Judgement, deadline: float, due: Iterable[Check] | None = None) -> None:
    """Ask everything that the target's profiles cover, or these. deadline: of `monotonic`; later nothing is asked."""
    if due is None:
        due = [each for each in all_checks() if requirements()[each.requirement].profile in target.profiles]

    def ask(check: Check) -> None:
        judgement.doing(check.id)
        judgement.found(answer_to(check, target, judgement, deadline))

    with ThreadPoolExecutor(AT_ONCE if target.takes_any_key else 1) as pool:
        list(pool.map(ask, due))


def answer_to(check: Check, target: Target, judgement: Judgement, deadline: float) -> Finding:
    """What one check finds. Whatever goes wrong inside it is its failure: what it needs was not there."""
    for attempt in range(1, ATTEMPTS + 1):
        if judgement.is_gone():
            return Finding(check.id, passed=False, evidence="not asked: the server does not answer any more")
        seconds = min(LONGEST_CHECK, deadline - monotonic())
        if seconds <= 0:
            return Finding(check.id, passed=False, evidence="not asked: the time of the suite was over")
        asker = Asker(target, judgement, check.id, seconds)
        try:
            assert check.function is not None  # `all_checks` takes no others
            check.function(asker)
        except Violation as violation:
            if isinstance(violation, TooSlow) and attempt < ATTEMPTS:
                continue
            return Finding(check.id, passed=False, evidence=violation.evidence, exchanges=violation.exchanges)
        except Exception as error:  # noqa: BLE001 - an answer of a form that no check foresaw must not end the others
            return Finding(check.id, passed=False, evidence=f"the answers have no form to judge: {error!r}")
        finally:
            asker.close()
        break
    return Finding(check.id, passed=True)
