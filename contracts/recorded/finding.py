"""A difference between what was recorded and what a server answered."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """where: `status`, `answer` (there was none), `result` (of an operation), `header NAME`, a path into the body."""

    recording: str
    capture: str
    line: int
    request: str
    where: str
    recorded: str
    got: str
    said: str = ""
    """The begin of the answer, where its status is the finding."""

    def __str__(self) -> str:
        return (
            f"{self.recording}, {self.capture}, line {self.line}: {self.request}\n"
            f"    {self.where}: recorded {self.recorded}, got {self.got}{self.said and f': {self.said}'}"
        )
