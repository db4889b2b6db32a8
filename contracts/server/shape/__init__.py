"""The part that generates requests from openapi.yaml, valid and invalid ones, and holds every answer to it.

schemathesis makes the requests and has its say about the answers; `run` is the door. Phases: the examples of the
description, its boundary values one by one (coverage), drawn values (fuzzing), and chains of operations along its links
(stateful). All is drawn from the target's seed. Only the modules here know schemathesis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.server.judgement import Judgement
    from contracts.server.target import Target


def run(target: Target, judgement: Judgement, deadline: float) -> None:
    """Ask with generated requests. deadline: of `monotonic`; the part takes less where its effort is smaller."""
    from contracts.server.shape.phases import run as run_phases  # noqa: PLC0415 - schemathesis only where it is used

    run_phases(target, judgement, deadline)
