"""The server ends, and begins again."""

from typing import ClassVar

from mock_server.faults.registry import fault
from mock_server.faults.scene import Corruption, Scene


@fault("restart", "in_state")
class Restart(Corruption):
    """The server forgets all that it knew in memory only, and takes up its store as a new process would: polls are told
    to ask again, and operations that it had accepted are executed, each once. `killed: false` lets it end in order
    first. It does so for all tenants.
    """

    in_turn: ClassVar[bool] = False
    killed: bool = True

    async def corrupt(self, scene: Scene) -> None:
        await scene.runtime.restart(orderly=not self.killed)
