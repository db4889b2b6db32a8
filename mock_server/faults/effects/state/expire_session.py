"""A session has been silent for too long."""

from typing import ClassVar

from mock_server.domain import sessions
from mock_server.faults.exchange import Missed
from mock_server.faults.registry import fault
from mock_server.faults.scene import SESSION, Corruption, Scene
from mock_server.store import Transaction
from mock_server.store.tables import SESSIONS


@fault("expire_session", "in_state")
class ExpireSession(Corruption):
    """The session expires, as if its heartbeats had been lost for longer than it may be silent: they are answered 410,
    and no run or sampler can be made in it.
    """

    in_turn: ClassVar[bool] = False
    session: str | None = SESSION

    async def corrupt(self, scene: Scene) -> None:
        named = scene.session(self.session)
        await scene.runtime.settle()  # heartbeats that have come, too
        if not await scene.runtime.store.write(_silence, scene.tenant, named):
            raise Missed(f"the tenant has no session {named}, or it has ended")


def _silence(tx: Transaction, tenant: str, session_id: str) -> bool:
    alive = (SESSIONS.c.id == session_id, SESSIONS.c.tenant == tenant, SESSIONS.c.ended_at.is_(None))
    if not tx.connection.execute(SESSIONS.update().where(*alive).values(heartbeat_at=0.0)).rowcount:
        return False
    # All that have been silent for as long, and that is none but this one: nobody ever sent it a heartbeat since 1970.
    sessions.expire(tx, tenant, after=tx.now(tenant) - 1.0)
    return True
