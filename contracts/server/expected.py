"""Failures that are known and accepted for now: a file of them, and which of them came true.

One a line: the id of a check, then the id of an operation where only that one is meant, then `#` and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from contracts.server.known import known_checks
from contracts.spec import operations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from contracts.tally import Failure, Tally


class ExpectedError(Exception):
    """A file of expected failures that can't be used; the message says which lines and why."""


@dataclass(frozen=True)
class Expectation:
    """operation: empty where every failure of the check is meant. line: in the file, from 1."""

    check: str
    operation: str
    why: str
    line: int

    def covers(self, check: str, failure: Failure) -> bool:
        """Whether it speaks of this failure."""
        return check == self.check and self.operation in {"", failure.operation}

    def __str__(self) -> str:
        return f"line {self.line}: {self.check}{self.operation and ' ' + self.operation}"


@dataclass(frozen=True)
class Expected:
    """All that are accepted."""

    entries: tuple[Expectation, ...] = field(default=())

    def covers(self, check: str, failure: Failure) -> bool:
        """Whether a failure is accepted."""
        return any(entry.covers(check, failure) for entry in self.entries)

    def stale(self, tally: Tally) -> list[Expectation]:
        """Those whose check was asked and did not fail so: the server was mended, and the line has to go."""
        return [entry for entry in self.entries if _passed(entry, tally)]


def _passed(entry: Expectation, tally: Tally) -> bool:
    count = tally.counts.get(entry.check)
    if count is None or any(entry.covers(entry.check, failure) for failure in count.failures.values()):
        return False
    # A check that asks on its own says of no operation that it passed there.
    return count.passed > 0 and (not entry.operation or {"", entry.operation} & count.passed_by.keys() != set())


def read_expected(path: Path) -> Expected:
    """The file's lines. ExpectedError: it can't be read, or names what there is not."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExpectedError(f"{path}: {getattr(error, 'strerror', None) or 'is no UTF-8 text'}") from error
    problems: list[str] = []
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        named, _, why = line.partition("#")
        if not named.strip():
            continue
        check, operation, *rest = [*named.split(), ""]
        if rest and rest != [""]:
            problems.append(f"{path}, line {number}: give a check, and at most one operation, before the #")
            continue
        problems += [f"{path}, line {number}: {problem}" for problem in _unknown(check, operation)]
        entries.append(Expectation(check, operation, why.strip(), number))
    if problems:
        raise ExpectedError("\n".join(problems))
    return Expected(tuple(entries))


def _unknown(check: str, operation: str) -> Iterator[str]:
    if check not in known_checks():
        yield f"there is no check {check!r}{_hint(check, known_checks())}"
    if operation and operation not in operations():
        yield f"there is no operation {operation!r}{_hint(operation, operations())}"


def _hint(given: str, known: Iterable[str]) -> str:
    near = get_close_matches(given, sorted(known), n=1)
    return f": did you mean {near[0]}?" if near else ": docs/contract.md and docs/api.md list them."
