"""How the client's program ended, held against what a scenario expects of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mock_server.scenarios.verdict.point import Point

if TYPE_CHECKING:
    from mock_server.scenarios.expectation import OfTheClient


@dataclass(frozen=True)
class Ending:
    """code: the exit status, None where the program had to be stopped. output: what it wrote, perhaps only its end.

    outcome: what it said of itself (`completes`, `reports`), which goes before its exit status.
    """

    code: int | None
    output: str = ""
    outcome: str | None = None

    def __str__(self) -> str:
        if self.code is None:
            return "it did not end, and was stopped"
        said = f", and said that it {self.outcome}" if self.outcome is not None else ""
        return f"it ended with exit status {self.code}{said}"


def judge_client(expected: OfTheClient, ending: Ending) -> Point:
    """The one point of a client."""
    outcome = ending.outcome or ("completes" if ending.code == 0 else "reports")
    wrong = [] if ending.code is not None and expected.outcome in {outcome, "ends"} else [str(ending)]
    output = ending.output.lower()
    wrong += [f"its output does not say {text!r}" for text in expected.says if text.lower() not in output]
    last = tuple(ending.output.splitlines()[-3:]) if wrong else ()
    return Point("client", not wrong, str(expected), "; ".join(wrong) or str(ending), last)
