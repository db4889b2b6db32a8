"""Every check of the contract, whoever runs it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from contracts.observer.observer import all_rules
from contracts.server.asking import all_checks
from contracts.verdicts import CHECKS

_LISTS: Final = ("contracts.server.behaviour.checks", "contracts.server.shape.checks", "contracts.server.vectors")
"""Where the other parts have theirs. Hypothesis and schemathesis, which the modules beside them use, take seconds."""


@cache
def known_checks() -> frozenset[str]:
    """Their ids; importing the modules where they stand registers them, and only then `CHECKS` has them all."""
    all_rules()
    all_checks()
    for module in _LISTS:
        import_module(module)
    return frozenset(each.id for each in CHECKS)
