"""The server answers in another encoding than the client asked for."""

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("accept", "before_handler")
class Accept(Effect):
    """The server believes that the client's Accept header was `media_type`: by default a result comes as JSON, whoever
    asked for protobuf.
    """

    media_type: str = "application/json"

    async def strike(self, exchange: Exchange) -> None:
        exchange.told["accept"] = self.media_type
