"""All faults by name. One file of effects/ each: its fields are its configuration, its docstring its documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from mock_server.faults.exchange import Exchange

Phase = Literal["before_handler", "after_commit", "in_body", "in_operation", "in_state"]

PHASES: Final[dict[Phase, str]] = {
    "before_handler": "Before the handler runs: what puts an answer there keeps it from running.",
    "after_commit": "The work is done and durable, then the answer is lost or replaced.",
    "in_body": "On the body of the answer while it is sent, however long it is.",
    "in_operation": "On the operation that the request submits: what its client is told of it, and when.",
    "in_state": "On what the server has stored: the numbers, the rows and the files themselves.",
}


class Effect(BaseModel):
    """What a fault does. A field is a parameter of the fault, named and bounded as a scenario file writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    phases: ClassVar[tuple[Phase, ...]]

    async def strike(self, exchange: Exchange) -> None:
        """Act. An effect that puts an `answer` there before the handler keeps the handler from running.

        Raises Missed where there is nothing to act on.
        """
        raise NotImplementedError


EFFECTS: Final[dict[str, type[Effect]]] = {}


def fault(name: str, *phases: Phase) -> Callable[[type[Effect]], type[Effect]]:
    """Register an effect under the name that scenario files use, for the phases in which it makes sense."""

    def register(effect: type[Effect]) -> type[Effect]:
        assert name not in EFFECTS, name
        effect.name, effect.phases = name, phases
        EFFECTS[name] = effect
        return effect

    return register
