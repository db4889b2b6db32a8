"""All mutants, by importing the modules that register them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.mutants import (
    archives,
    batches,
    bodies,
    checkpoints,
    futures,
    hostile,
    kept,
    lists,
    numbers,
    order,
    runs,
    samples,
    sessions,
    states,
    tenants,
)
from tests.mutants.surgery import REGISTERED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.mutants.surgery import Mutant

MODULES: Final = (
    sessions,
    runs,
    order,
    numbers,
    batches,
    futures,
    samples,
    checkpoints,
    lists,
    archives,
    tenants,
    bodies,
    hostile,
    states,
    kept,
)
"""In the order of the documentation."""

MUTANTS: Final[Mapping[str, Mutant]] = {
    each.name: each for module in MODULES for each in REGISTERED.values() if each.module == module.__name__
}
