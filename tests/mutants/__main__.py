"""Try every mutant, or those named: `python -m tests.mutants [NAME ...]`. Exits with 1 if one lives."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.mutants.catalogue import MUTANTS
from tests.mutants.trial import Trial, tried

_AT_ONCE: Final = 4
"""Of most mutants' time little is work."""
_WIDTHS: Final = (31, 60, 60, 100)


def _line(trial: Trial) -> str:
    """A row of the table: mutant, what it does wrong, killed by, seen."""
    mutant = trial.mutant
    seen = f"LIVES: {', '.join(trial.missed)} saw nothing" if trial.missed else trial.evidence
    cells = (mutant.name, mutant.title, ", ".join(mutant.killed_by), seen)
    return " | ".join(_cell(text, width) for text, width in zip(cells, _WIDTHS, strict=True))


def _cell(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else f"{text[: width - 1]}…"


def main(names: list[str]) -> int:
    survivors = 0
    due = [MUTANTS[name] for name in names] or list(MUTANTS.values())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for trial in pool.map(tried, due):
            print(_line(trial), flush=True)
            survivors += bool(trial.missed)
    print(f"{len(due) - survivors} of {len(due)} mutants killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
