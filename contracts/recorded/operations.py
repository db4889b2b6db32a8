"""The operations of a replay: which are still to be sent, and which have results that nobody has looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.recorded.numbering import address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.recorded.recording import Line


class Operations:
    """By the ids that the judged server gave them."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._unsent = [addressed for line in lines if (addressed := address(line)) is not None]
        self._accepted: dict[str, Line] = {}
        self._unseen: dict[str, Line] = {}

    def sent(self, line: Line) -> None:
        """The line's request is on its way."""
        addressed = address(line)
        if addressed in self._unsent:
            self._unsent.remove(addressed)

    def accepted(self, request_id: str, line: Line) -> None:
        """The server promised a result."""
        self._accepted[request_id] = self._unseen[request_id] = line

    def seen(self, request_id: str) -> None:
        """The client asks for it itself."""
        self._unseen.pop(request_id, None)

    def waits(self, request_id: str) -> bool:
        """Whether it can't end before the client sends another of its run: the first chunk comes last."""
        line = self._accepted.get(request_id)
        addressed = None if line is None else address(line)
        return addressed is not None and any(
            run == addressed[0] and number < addressed[1] for run, number in self._unsent
        )

    def left_to_see(self, before: Line) -> list[tuple[str, Line]]:
        """Those that the client had seen before it sent this. A run's operations go without waiting in between."""
        addressed = address(before)
        left = [
            (request_id, line) for request_id, line in self._unseen.items() if not _of_one_run(addressed, address(line))
        ]
        for request_id, _ in left:
            self.seen(request_id)
        return left

    def left(self) -> list[tuple[str, Line]]:
        """All that nobody has seen."""
        left, self._unseen = list(self._unseen.items()), {}
        return left


def _of_one_run(one: tuple[str, int] | None, other: tuple[str, int] | None) -> bool:
    return one is not None and other is not None and one[0] == other[0]
