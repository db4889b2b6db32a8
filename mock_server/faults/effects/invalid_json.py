"""Almost JSON."""

from mock_server.faults.exchange import Exchange, Missed
from mock_server.faults.registry import Effect, fault


@fault("invalid_json", "in_body")
class InvalidJson(Effect):
    """The JSON lacks its last brace, though its length is right."""

    async def strike(self, exchange: Exchange) -> None:
        answer = exchange.answered
        if answer.media_type != "application/json":
            raise Missed(f"the answer is {answer.media_type or 'empty'}, no JSON")
        answer.put((await answer.whole())[:-1])
