"""What a client was told of its work, from what crossed the wire: all that it can know of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.exchange import Exchange


@dataclass
class Told:
    """optimizer_steps: by run, of how many the client was told that they were taken. checkpoints: by run, how many."""

    optimizer_steps: Counter[str] = field(default_factory=Counter)
    checkpoints: Counter[str] = field(default_factory=Counter)

    @classmethod
    def by(cls, exchanges: Iterable[Exchange]) -> Self:
        """From exchanges in the order in which they ended."""
        from contracts.observer.facts import Facts  # noqa: PLC0415 - only who judges needs it
        from contracts.observer.routes import SAVES  # noqa: PLC0415

        told = cls()
        asked: dict[str, tuple[str, str, bool]] = {}
        for exchange in exchanges:
            facts = Facts(exchange)
            if facts.operation == "retrieve_future":
                if facts.ending != "succeeded" or facts.request_id not in asked:
                    continue
                operation, run, named = asked.pop(facts.request_id)
                if operation == "optim_step":
                    told.optimizer_steps[run] += 1
                elif named:
                    told.checkpoints[run] += 1
            elif (facts.operation == "optim_step" or facts.operation in SAVES) and facts.request_id:
                named = isinstance(facts.body.get("path"), str)
                # A repeat has the request id of the first, and is one piece of work with it, told of or not.
                asked.setdefault(facts.request_id, (facts.operation, str(facts.body.get("model_id")), named))
        return told
