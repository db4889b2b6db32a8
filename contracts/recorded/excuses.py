"""What a capture's server made up, so that no other need answer alike (contracts/recordings/exceptions.yaml).

Each has a reason, and says what must be there instead; one that nothing needs any more is stale, which is a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contracts.documents import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.recorded.finding import Finding
    from contracts.recorded.recording import Line

FILE: Final = Path(__file__).parents[1] / "recordings" / "exceptions.yaml"


@dataclass(frozen=True)
class Excuse:
    """For findings at `where` in the answers to `request` (with * for what varies), or in one line of a capture.

    got: what must have come instead, such as a status; empty: anything may.
    """

    recording: str
    reason: str
    where: str
    capture: str = "*"
    request: str = "*"
    line: int | None = None
    got: str = ""

    def covers(self, finding: Finding) -> bool:
        return (
            self.recording == finding.recording
            and fnmatchcase(finding.capture, self.capture)
            and self.line in {None, finding.line}
            and fnmatchcase(finding.request, self.request)
            and self.where == finding.where
            and self.got in {"", finding.got}
        )

    def could_cover(self, recording: str, capture: str, line: Line) -> bool:
        """Whether it speaks of that line."""
        return (
            self.recording == recording
            and fnmatchcase(capture, self.capture)
            and self.line in {None, line.number}
            and fnmatchcase(line.request, self.request)
        )

    def __str__(self) -> str:
        place = self.request if self.line is None else f"line {self.line}"
        return f"{self.recording}, {self.capture}, {place}, {self.where}: {self.reason}"


@cache
def excuses() -> tuple[Excuse, ...]:
    """All of them. An entry for several recordings, or for several lines with a status each, is as many excuses."""
    found: list[Excuse] = []
    for entry in read_yaml(FILE):
        statuses = entry.pop("statuses", None)
        for recording in entry.pop("recordings"):
            if statuses is None:
                found.append(Excuse(recording=recording, **entry))
            else:
                found.extend(
                    Excuse(recording=recording, where="status", line=line, got=str(status), **entry)
                    for line, status in statuses.items()
                )
    return tuple(found)


def sorted_out(findings: Iterable[Finding]) -> tuple[list[Finding], list[Excuse]]:
    """The findings that nothing excuses, and the excuses that were used."""
    open_findings: list[Finding] = []
    used: list[Excuse] = []
    for finding in findings:
        covering = [excuse for excuse in excuses() if excuse.covers(finding)]
        used.extend(covering)
        if not covering:
            open_findings.append(finding)
    return open_findings, used
