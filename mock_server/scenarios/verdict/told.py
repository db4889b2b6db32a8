"""What a client was told of its work, from what crossed the wire: all that it can know of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.exchange import Exchange
    from contracts.observer.facts import Facts


@dataclass
class Told:
    """By run. optimizer_steps: of how many the client was told that they were taken, since the last load.

    loaded: the path of the checkpoint that it was told was loaded last, with its optimizer, whose steps count as well.
    checkpoints: how many it was told were saved.
    """

    optimizer_steps: Counter[str] = field(default_factory=Counter)
    loaded: dict[str, str] = field(default_factory=dict)
    checkpoints: Counter[str] = field(default_factory=Counter)

    @classmethod
    def by(cls, exchanges: Iterable[Exchange]) -> Self:
        """From exchanges in the order in which they ended."""
        from contracts.observer.facts import Facts  # noqa: PLC0415 - only who judges needs it
        from contracts.observer.routes import SAVES  # noqa: PLC0415

        told = cls()
        asked: dict[str, Facts] = {}
        for exchange in exchanges:
            facts = Facts(exchange)
            if facts.operation == "retrieve_future":
                if facts.ending == "succeeded" and facts.request_id in asked:
                    told._succeeded(asked.pop(facts.request_id))
            elif facts.operation in {"optim_step", "load_weights", *SAVES} and facts.request_id:
                # A repeat has the request id of the first, and is one piece of work with it, told of or not.
                asked.setdefault(facts.request_id, facts)
        return told

    def _succeeded(self, asked: Facts) -> None:
        body = asked.body
        run = str(body.get("model_id") or f"{body.get('session_id')}:train:{body.get('model_seq_id')}")
        match asked.operation:
            case "optim_step":
                self.optimizer_steps[run] += 1
            case "load_weights":
                self.optimizer_steps[run] = 0
                self.loaded.pop(run, None)
                if body.get("optimizer"):
                    self.loaded[run] = str(body.get("path"))
            case _ if isinstance(body.get("path"), str):
                self.checkpoints[run] += 1
