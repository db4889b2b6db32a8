"""The runtime's one hook for what goes wrong on request: what is to happen to an operation beside its work.

Whoever wants an operation disturbed sets INTERFERENCE around its submission; the operation carries it from there.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mock_server.domain.errors import OperationFailed
from mock_server.domain.operations import Outcome
from mock_server.store import StorageUnavailable

if TYPE_CHECKING:
    from mock_server.domain.dials import Dial
    from mock_server.domain.errors import Category
    from mock_server.runtime.board import LiveOperation
    from mock_server.runtime.recorder import Recorder

log = logging.getLogger(__name__)

Before = Callable[["LiveOperation"], Awaitable[None]]
After = Callable[["LiveOperation", Outcome], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Denial:
    """What an operation's first polls are told in place of the truth."""

    polls: int
    message: str
    category: Category


@dataclass(frozen=True, slots=True)
class Interference:
    """dial: when its result may be seen, and what is told until then, in place of its kind's dial.

    failure: it is not executed but fails, with this message and category (user, server or unknown).
    denial: its first polls are told that it failed.
    overtaken_by: how many later operations of its target are told before it; it waits `at_most` seconds for them.
    announced_again: so many seconds after its end, who polls for a whole sampler is told of it a second time.
    by: who ordered it, for the answers to its polls: names of faults, and whether each is silent.
    before, after: called in its turn, when nothing else touches its run: before it is executed, and when its outcome is
    stored but not yet told. What `after` returns is told in place of that.
    """

    dial: Dial | None = None
    failure: tuple[str, Category] | None = None
    denial: Denial | None = None
    overtaken_by: int = 0
    at_most: float = 0.0
    announced_again: float | None = None
    by: tuple[tuple[str, bool], ...] = ()
    before: tuple[Before, ...] = ()
    after: tuple[After, ...] = ()

    async def begin(self, operation: LiveOperation) -> None:
        """Act before its execution; fail it in place of that, if that is what was ordered."""
        for hook in self.before:
            try:
                await hook(operation)
            except Exception:  # whoever interferes may stumble, and the operation goes its way
                log.exception("an interference before operation %s failed", operation.id)
        self.act()

    def act(self) -> None:
        """Fail the operation in place of its execution, if that is what was ordered."""
        if self.failure is not None:
            raise OperationFailed(*self.failure)

    async def end(self, operation: LiveOperation, outcome: Outcome) -> Outcome:
        """Act after its execution; returns what is to be told."""
        for hook in self.after:
            try:
                outcome = await hook(operation, outcome)
            except Exception:
                log.exception("an interference after operation %s failed", operation.id)
        return outcome

    def denied(self, operation: LiveOperation) -> Outcome | None:
        """The failure that the poll at hand is told, if it is one of those."""
        if self.denial is None or operation.polls > self.denial.polls:
            return None
        return Outcome(operation.id, "failed", error=self.denial.message, error_category=self.denial.category)


async def interfered(operation: LiveOperation, outcome: Outcome, recorder: Recorder) -> tuple[Outcome, bool]:
    """What is to be told of an operation that has ended, and whether that led to its end being stored.

    Who interferes counts on that; where the disk is full, nobody does, since waiting for it helps nobody.
    """
    interference = operation.interference
    if interference is None or not interference.after:
        return outcome, False
    try:
        await recorder.settle()
    except StorageUnavailable as error:
        log.warning("nobody interferes with operation %s: %s", operation.id, error)
        return outcome, False
    return await interference.end(operation, outcome), True


INTERFERENCE: Final[ContextVar[Interference | None]] = ContextVar("interference", default=None)
