"""Try every mutant, or those named: `python -m tests.mutants [NAME ...]`. Exits with 1 if one lives."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.mutants.catalogue import MUTANTS
from tests.mutants.trial import Trial, tried

_AT_ONCE: Final = 4
"""Of most mutants' time little is work."""


def _line(trial: Trial) -> str:
    seen = "SURVIVED " + ", ".join(trial.missed) if trial.missed else f"killed   {trial.evidence[:110]}"
    return f"{trial.mutant.name:32} {', '.join(trial.mutant.killed_by):44} {trial.seconds:5.1f} s {seen}"


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
