"""An operation waits in a paused queue."""

from typing import Literal

from pydantic import Field

from mock_server.domain.dials import Dial
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("pause", "in_operation")
class Pause(Effect):
    """The operation's queue says that it is paused, and why, for `seconds` (for ever, without)."""

    state: Literal["paused_capacity", "paused_rate_limit"] = "paused_capacity"
    reason: str | None = None
    seconds: float | None = Field(default=None, gt=0, le=86_400)

    async def strike(self, exchange: Exchange) -> None:
        mode: Literal["never", "after"] = "never" if self.seconds is None else "after"
        dial = Dial(mode, seconds=self.seconds or 0.0, queue_state=self.state, reason=self.reason)
        exchange.interfere(dial=dial)
