"""All checks over one exchange, and the same over a stream of them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from contracts.observer.case import RULES, Broken, Case, Rule
from contracts.observer.facts import Facts
from contracts.observer.history import History, slim
from contracts.observer.spec import NoSpec
from contracts.verdicts import Finding

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.observer.spec import Spec


def check(exchange: Exchange, history: History, spec: Spec) -> list[Finding]:
    """What every check that has a say finds in an exchange; neither it nor the history is changed."""
    return _judged(Facts(exchange), history, spec)


class Observer:
    """Judges exchanges in the order in which they ended, each with those before it."""

    def __init__(self, spec: Spec | None = None) -> None:
        self._spec: Spec = spec or NoSpec()
        self._history = History()

    def see(self, exchange: Exchange) -> list[Finding]:
        """What the checks find in the next exchange."""
        facts = Facts(exchange)
        findings = _judged(facts, self._history, self._spec)
        self._history.record(facts, self._spec)
        return findings


def _judged(facts: Facts, history: History, spec: Spec) -> list[Finding]:
    case = Case(facts, history, spec)
    findings = []
    for rule in _rules_of(facts.operation, facts.exchange.response is not None):
        found = rule.function(case)
        if found is None:
            continue
        if not found:
            findings.append(rule.passed)
            continue
        broken = found if isinstance(found, Broken) else Broken(found)
        shown = slim(facts.exchange)
        exchanges = (shown,) if broken.earlier is None else (broken.earlier, shown)
        findings.append(Finding(rule.id, passed=False, evidence=broken.evidence, exchanges=exchanges))
    return findings


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every check of the observer; importing their modules registers them."""
    checks = import_module("contracts.observer.checks")
    for module in iter_modules(checks.__path__):
        import_module(f"contracts.observer.checks.{module.name}")
    return tuple(RULES)


_BY_OPERATION: dict[tuple[str, bool], tuple[Rule, ...]] = {}
"""Bounded below: what a stranger asks for may have any name."""


def _rules_of(operation: str, answered: bool) -> tuple[Rule, ...]:
    key = (operation, answered)
    found = _BY_OPERATION.get(key)
    if found is None:
        found = tuple(
            rule
            for rule in all_rules()
            if (rule.operations is None or operation in rule.operations) and (answered or not rule.of_answers)
        )
        if len(_BY_OPERATION) < 512:
            _BY_OPERATION[key] = found
    return found
