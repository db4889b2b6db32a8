"""The body is called something else."""

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("content_type", "in_body")
class ContentType(Effect):
    """The answer's Content-Type is `media_type`, whatever the body is."""

    media_type: str = "text/html"

    async def strike(self, exchange: Exchange) -> None:
        exchange.answered.set_header("content-type", self.media_type)
