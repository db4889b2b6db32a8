"""The page about broken servers: what each does wrong, and the check that tells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from docs.table import table
from tests.mutants.catalogue import MODULES, MUTANTS

if TYPE_CHECKING:
    from tests.mutants.surgery import Mutant


def mutants_page(generated: str) -> str:
    """Every mutant by what it is wrong about."""
    lines = [
        "# Broken servers",
        generated,
        f"{len(MUTANTS)} servers, each this one with a single fault (`tests/mutants`), show that the suite notices:",
        "`make mutants` starts each, asks it the checks that are to catch it, and fails where one does not. The server",
        "itself knows no switch for any of them. `python -m tests.mutants.serving NAME` serves one, to be looked at by",
        "hand; `make mutants ARGS=NAME` tries one.",
    ]
    for module in MODULES:
        title = (sys.modules[module.__name__].__doc__ or "").strip().rstrip(".")
        rows = [_cells(each) for each in MUTANTS.values() if each.module == module.__name__]
        lines += ["", f"## {title}", "", *table(("Mutant", "What it does wrong", "Caught by"), rows)]
    return "\n".join([*lines, ""])


def _cells(mutant: Mutant) -> tuple[str, str, str]:
    return mutant.name, mutant.title, ", ".join(f"`{check}`" for check in mutant.killed_by)
