"""Reads what a tenant has out of the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mock_server.domain import oversight
from mock_server.scenarios.verdict.state import HeldCheckpoint, HeldRun, Holdings
from mock_server.store.artifacts import DamagedArtifact
from mock_server.toy_model import DamagedState

if TYPE_CHECKING:
    from mock_server.runtime import Runtime
    from mock_server.store import Artifacts


async def holdings(runtime: Runtime, tenant: str) -> Holdings:
    """All that the tenant has once everything that ended has been written down."""
    await runtime.settle()
    found = await runtime.store.read(oversight.belongings, tenant)
    counts = [each.training_run_id for each in found.checkpoints]
    artifacts = runtime.store.artifacts
    steps = await asyncio.to_thread(lambda: [_steps(artifacts, each.artifact) for each in found.checkpoints])
    return Holdings(
        tuple(HeldRun(run.id, run.optimizer_steps, run.corrupted, counts.count(run.id)) for run in found.runs),
        tuple(
            HeldCheckpoint(each.name, number, f"tinker://{each.training_run_id}/{each.kind}/{each.name}")
            for each, number in zip(found.checkpoints, steps, strict=True)
        ),
        found.sessions,
        found.samplers,
        found.unfinished,
    )


def _steps(artifacts: Artifacts, artifact: str) -> int | None:
    # Brings safetensors, which servers without scenarios never need.
    from mock_server.toy_model.checkpoint import optimizer_steps_in  # noqa: PLC0415

    try:
        return optimizer_steps_in(artifacts.read(artifact))
    except (DamagedArtifact, DamagedState):
        return None
