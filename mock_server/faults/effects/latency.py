"""The answer comes late."""

from typing import Literal

from pydantic import Field

from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("latency", "before_handler", "after_commit")
class Latency(Effect):
    """The answer comes `seconds` later. `spread`: uniform draws from seconds ± jitter; lognormal around seconds."""

    seconds: float = Field(gt=0, le=3600)
    spread: Literal["fixed", "uniform", "lognormal"] = "fixed"
    jitter: float = Field(default=0.5, gt=0, le=1, description="Half the width of uniform, or the sigma of lognormal.")

    async def strike(self, exchange: Exchange) -> None:
        await exchange.wait(self._drawn(exchange))

    def _drawn(self, exchange: Exchange) -> float:
        match self.spread:
            case "uniform":
                return self.seconds * exchange.random.uniform(1 - self.jitter, 1 + self.jitter)
            case "lognormal":
                return self.seconds * exchange.random.lognormvariate(0.0, self.jitter)
            case _:
                return self.seconds
