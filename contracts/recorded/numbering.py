"""The seq_ids of a capture, closed up: the recorder left out requests, and a server would wait for their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.recorded.messages import batch_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.recorded.recording import Line


class Numbering:
    """Each run's numbers from 1 without a gap, in the order of the recorded ones; a repeated number stays repeated."""

    def __init__(self, lines: Iterable[Line]) -> None:
        numbers: dict[str, set[int]] = {}
        for line in lines:
            addressed = address(line)
            if addressed is not None:
                numbers.setdefault(addressed[0], set()).add(addressed[1])
        self._here = {
            (run, number): place for run, those in numbers.items() for place, number in enumerate(sorted(those), 1)
        }

    def of(self, line: Line) -> int:
        """The number that this submission has here. KeyError: it is none."""
        addressed = address(line)
        if addressed is None:
            raise KeyError(line.request)
        return self._here[addressed]


def address(line: Line) -> tuple[str, int] | None:
    """(run, seq_id) as recorded, of an operation of a run; None for all else."""
    if line.body.content is not None:
        batch = batch_of(line.body.content)
        return batch.model_id, batch.seq_id
    body = line.body.json
    if isinstance(body, dict) and isinstance(body.get("model_id"), str) and isinstance(body.get("seq_id"), int):
        return body["model_id"], body["seq_id"]
    return None
