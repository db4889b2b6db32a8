"""The command, and something for it to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.harness.cli import Cli

if TYPE_CHECKING:
    from pathlib import Path

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server


@dataclass(frozen=True)
class Made:
    """What a program left behind. paths: of its checkpoints, by their names."""

    session_id: str
    run_id: str
    paths: dict[str, str]


@pytest.fixture
def cli(server: Server, key: str, tmp_path: Path) -> Cli:
    return Cli(server.url, key, tmp_path)


@pytest.fixture
def made(sdk: Sdk) -> Made:
    """A run that was trained by 23 tokens, with two training checkpoints, one for sampling and one as files."""

    def program(service_client: Any, kit: Any) -> list[Any]:
        trainer = kit.trainer(service_client, user_metadata={"purpose": "shown by the command"})
        kit.steps(trainer, 1)
        paths = {name: trainer.save_state(name).result().path for name in ("first", "second")}
        paths["sampled"] = trainer.save_weights_for_sampler("sampled").result().path
        paths["exported"] = trainer.save_weights_external("exported").result().path
        return [service_client.holder.get_session_id(), trainer.model_id, paths]

    return Made(*sdk.run(program))
