"""Every check of the contract, whoever runs it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import walk_packages

from contracts.observer.observer import all_rules
from contracts.verdicts import CHECKS


@cache
def known_checks() -> frozenset[str]:
    """Their ids; importing the modules of the suite registers them, and only then `CHECKS` has them all."""
    all_rules()
    package = import_module("contracts.server")
    for module in walk_packages(package.__path__, "contracts.server."):
        import_module(module.name)
    return frozenset(each.id for each in CHECKS)
