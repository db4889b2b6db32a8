"""Operations whose results wait until later ones of the same target have been told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mock_server.runtime.board import LiveOperation


class Overtaken:
    """How many others each of them waits for, by their target."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, tuple[LiveOperation, int]]] = {}

    def hold(self, operation: LiveOperation, others: int) -> None:
        """Its result is not to be told before those of so many others."""
        self._held.setdefault(operation.target, {})[operation.id] = operation, others

    def by(self, told: LiveOperation) -> list[LiveOperation]:
        """Those whose turn has come, now that this one was told."""
        held = self._held.get(told.target) if self._held else None
        if held is None:
            return []
        held.pop(told.id, None)
        due = []
        for operation, others in list(held.values()):
            if operation.position < told.position:
                held[operation.id] = operation, others - 1
                if others == 1:
                    del held[operation.id]
                    due.append(operation)
        if not held:
            del self._held[told.target]
        return due
