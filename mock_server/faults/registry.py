"""All faults by name. One file of effects/ each: its fields are its configuration, its docstring its documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from mock_server.faults.exchange import Exchange

Phase = Literal["before_handler", "after_commit", "in_body", "in_operation"]
"""Before the handler runs; after it ran and its work is durable, in place of the answer; on the answer's body; or on
the operation that the request submits."""


class Effect(BaseModel):
    """What a fault does. A field is a parameter of the fault, named and bounded as a scenario file writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    phases: ClassVar[frozenset[Phase]]

    async def strike(self, exchange: Exchange) -> None:
        """Act. An effect that puts an `answer` there before the handler keeps the handler from running."""
        raise NotImplementedError


EFFECTS: Final[dict[str, type[Effect]]] = {}


def fault(name: str, *phases: Phase) -> Callable[[type[Effect]], type[Effect]]:
    """Register an effect under the name that scenario files use, for the phases in which it makes sense."""

    def register(effect: type[Effect]) -> type[Effect]:
        assert name not in EFFECTS, name
        effect.name, effect.phases = name, frozenset(phases)
        EFFECTS[name] = effect
        return effect

    return register
