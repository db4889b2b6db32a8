"""Each broken server is caught by the checks that are to catch it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from tests.mutants import futures, hostile, kept, order, states
from tests.mutants.catalogue import MODULES, MUTANTS
from tests.mutants.trial import tried

if TYPE_CHECKING:
    from types import ModuleType

LONGEST: Final = (futures, order, kept, states, hostile)
"""Where clients are kept waiting, or long sequences tried: they begin first, so that no worker is left with one."""
DUE: Final = sorted(MODULES, key=lambda module: module not in LONGEST)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("module", DUE, ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_broken_are_caught(module: ModuleType) -> None:
    due = [each for each in MUTANTS.values() if each.module == module.__name__]
    with ThreadPoolExecutor(4) as pool:
        survivors = {trial.mutant.name: trial.missed for trial in pool.map(tried, due) if trial.missed}
    assert due
    assert survivors == {}


def test_there_are_enough_and_each_says_who_catches_it() -> None:
    assert len(MUTANTS) >= 60
    assert all(each.title and all(each.killed_by) for each in MUTANTS.values())
