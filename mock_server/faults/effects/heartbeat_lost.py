"""A heartbeat gets lost behind its answer."""

from mock_server.faults.exchange import Answer, Exchange
from mock_server.faults.registry import Effect, fault


@fault("heartbeat_lost", "before_handler")
class HeartbeatLost(Effect):
    """A heartbeat is answered as ever, and not noted: when all are lost for long enough, the session expires."""

    async def strike(self, exchange: Exchange) -> None:
        exchange.answer = Answer.of(200, [("content-type", "application/json")], b'{"type":"session_heartbeat"}')
