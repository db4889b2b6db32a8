"""Almost JSON."""

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("invalid_json", "in_body")
class InvalidJson(Effect):
    """The JSON lacks its last brace, though its length is right."""

    async def strike(self, exchange: Exchange) -> None:
        assert exchange.answer is not None
        exchange.answer.body = exchange.answer.body[:-1]
