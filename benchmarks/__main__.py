"""`python -m benchmarks`: measure the server against a bare app that answers from memory."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from benchmarks import machine, report, suite
from benchmarks.profiles import PROFILES

RESULTS = Path(__file__).with_name("results")


def main() -> int:
    arguments = _arguments()
    profile = PROFILES[arguments.profile]
    facts = machine.facts()
    progress = Console(stderr=True, highlight=False)
    started = time.perf_counter()

    def tell(what: str) -> None:
        progress.print(f"{time.perf_counter() - started:6.0f} s  {what}")

    RESULTS.mkdir(exist_ok=True)
    # Beside the results, since a temporary directory in memory would make every fsync free.
    with tempfile.TemporaryDirectory(prefix="data-", dir=RESULTS) as workspace:
        if arguments.noise:
            figures = suite.measure_noise(profile, tell)
        else:
            figures = suite.measure(profile, Path(workspace), tell)
    results = report.document(figures, facts, arguments.profile)
    report.write(results, arguments.output)
    # Into a file or a pipe, the table keeps its width: rich would squeeze it into 80 columns.
    report.show(results, Console(highlight=False, width=None if sys.stdout.isatty() else 120))
    missed = [target for target in results["targets"] if not target["met"]]
    return 1 if arguments.enforce and missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--profile", choices=PROFILES, default="full", help="short: a minute and a half, to see that it works"
    )
    parser.add_argument("--enforce", action="store_true", help="exit with 1 when a target is missed")
    parser.add_argument("--noise", action="store_true", help="measure the bare app against itself instead")
    parser.add_argument("--output", type=Path, default=RESULTS / "latest.json", help="where the JSON file goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
