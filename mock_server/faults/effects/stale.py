"""An answer from a cache."""

from pydantic import Field

from mock_server.faults.exchange import Answer, Exchange
from mock_server.faults.registry import Effect, fault


@fault("stale", "in_body")
class Stale(Effect):
    """An address is answered as it was the first time that this rule struck it, whatever has changed since, for
    `seconds` (for ever, without): a list lacks what was just saved, and shows what was deleted.
    """

    seconds: float | None = Field(default=None, gt=0, le=86_400)

    async def strike(self, exchange: Exchange) -> None:
        address = f"{exchange.tenant}/{exchange.method}/{exchange.path}?{exchange.query}"
        now = exchange.clock.now()
        kept = exchange.kept.get(address)
        if kept is None or (self.seconds is not None and now - kept[0] >= self.seconds):
            answer = exchange.answered
            exchange.kept[address] = now, answer.status, answer.headers, await answer.whole()
        else:
            _, status, headers, body = kept
            exchange.answer = Answer.of(status, headers, body)
