"""A session has been silent for too long."""

from typing import ClassVar

from mock_server.domain import sessions
from mock_server.faults.exchange import Missed
from mock_server.faults.registry import fault
from mock_server.faults.scene import SESSION, Corruption, Scene


@fault("expire_session", "in_state")
class ExpireSession(Corruption):
    """The session expires, as if its heartbeats had been lost for longer than it may be silent: they are answered 410,
    and no run or sampler can be made in it.
    """

    in_turn: ClassVar[bool] = False
    session: str | None = SESSION

    async def corrupt(self, scene: Scene) -> None:
        named = scene.session(self.session)
        if not await scene.runtime.store.write(sessions.lapse, scene.tenant, named):
            raise Missed(f"the tenant has no session {named}, or it has ended")
