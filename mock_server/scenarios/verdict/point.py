"""A verdict: one point for each thing that was expected."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Of = Literal["wire", "state", "client"]


@dataclass(frozen=True)
class Point:
    """of: where it was looked for. expected, seen: in words. evidence: the exchanges that show it."""

    of: Of
    kept: bool
    expected: str
    seen: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """scenario: its id. struck: how often each of its faults struck, in the order of the file."""

    scenario: str
    points: tuple[Point, ...]
    struck: tuple[int, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the client did what a good client does."""
        return all(point.kept for point in self.points)

    def with_point(self, point: Point) -> Verdict:
        return Verdict(self.scenario, (*self.points, point), self.struck)

    def lines(self) -> Iterator[str]:
        """The verdict, to be read by a person: what was not kept first."""
        for point in sorted(self.points, key=lambda point: point.kept):
            yield f"{'ok  ' if point.kept else 'FAIL'} {point.of}: {point.expected}"
            if not point.kept:
                yield f"     {point.seen}"
                yield from (f"     {each}" for each in point.evidence)
        failed = sum(not point.kept for point in self.points)
        struck = ", ".join(map(str, self.struck)) or "none"
        said = f"{failed} of {len(self.points)} points failed" if failed else f"all {len(self.points)} points kept"
        yield f"{self.scenario}: {said}; faults struck: {struck}"

    def as_json(self) -> dict[str, Any]:
        return {"kept": self.kept, **asdict(self)}

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> Self:
        """What `as_json` made."""
        points = tuple(Point(**{**point, "evidence": tuple(point["evidence"])}) for point in given["points"])
        return cls(given["scenario"], points, tuple(given["struck"]))
