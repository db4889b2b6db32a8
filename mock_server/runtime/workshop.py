"""What all workers of runs share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mock_server.domain.catalogue import Catalogue
    from mock_server.runtime.board import Board
    from mock_server.runtime.clocks import Clocks
    from mock_server.runtime.custom_losses import CustomLosses
    from mock_server.runtime.executor import Executor
    from mock_server.runtime.recorder import Recorder
    from mock_server.store import Store


@dataclass(frozen=True)
class Workshop:
    """The parts of the runtime that a worker uses, and after how many steps or bytes of log it takes a snapshot."""

    store: Store
    board: Board
    recorder: Recorder
    executor: Executor
    catalogue: Catalogue
    losses: CustomLosses
    clocks: Clocks
    snapshot_steps: int
    snapshot_bytes: int
