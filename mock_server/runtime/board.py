"""The board: operations that are under way or fresh, who waits for them, and when their results may be seen."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from mock_server.domain.dials import Dial
from mock_server.domain.errors import NotFound
from mock_server.domain.operations import Body, Outcome
from mock_server.runtime.clock import TOLERANCE
from mock_server.runtime.clocks import Clocks
from mock_server.runtime.dials import Dials
from mock_server.runtime.interference import Interference
from mock_server.runtime.overtaken import Overtaken
from mock_server.runtime.waiters import Waiters

KEPT_OPERATIONS = 4096
KEPT_BYTES = 32 << 20
"""How much of what has ended stays in memory, beside the database, to be fetched fast."""


@dataclass(slots=True, eq=False)
class LiveOperation:
    """An operation in memory. `body` is None after a restart: it is read from the store when its turn comes."""

    id: str
    tenant: str
    kind: str
    target: str
    seq_id: int | None
    position: int
    accepted_at: float
    body: Body | None = None
    outcome: Outcome | None = None
    revealed: bool = False
    stored: bool = False
    polls: int = 0
    interference: Interference | None = None
    waiters: Waiters = field(default_factory=Waiters)


@dataclass(frozen=True, slots=True)
class Pending:
    """Not yet: what to tell the client while it waits."""

    queue_state: str = "active"
    reason: str | None = None


class Board:
    """Live operations by id. A result stays until it is stored and newer ones need the room."""

    def __init__(self, clocks: Clocks, dials: Dials) -> None:
        self._clocks = clocks
        self._dials = dials
        self._live: dict[str, LiveOperation] = {}
        self._unended: dict[str, LiveOperation] = {}
        self._ended: OrderedDict[str, int] = OrderedDict()
        self._ended_bytes = 0
        self._closing = False
        self._overtaken = Overtaken()
        self.on_reveal: Callable[[LiveOperation], None] = lambda _: None

    def put(self, operation: LiveOperation) -> None:
        """Add an operation, or begin one anew that failed before."""
        self._drop(operation.id)
        self._live[operation.id] = self._unended[operation.id] = operation

    def get(self, operation_id: str) -> LiveOperation | None:
        return self._live.get(operation_id)

    @property
    def unended(self) -> Collection[LiveOperation]:
        """Operations whose outcome is not known yet."""
        return self._unended.values()

    def end(self, operation: LiveOperation, outcome: Outcome) -> None:
        """Its outcome is known; who waits learns of it as soon as its dial allows."""
        operation.outcome = outcome
        operation.body = None
        self._unended.pop(operation.id, None)
        if operation.interference is not None and operation.interference.overtaken_by:
            self._overtaken.hold(operation, operation.interference.overtaken_by)
            clock = self._clocks.of(operation.tenant)
            clock.call_later(operation.interference.at_most, lambda: self._reveal(operation))
            return
        self._reveal_if_due(operation)

    def turned(self) -> None:
        """Dials were turned: what has ended is told, or held back, as they are now."""
        for operation in list(self._live.values()):
            interference = operation.interference
            waits_for_others = interference is not None and interference.overtaken_by > 0
            if operation.outcome is not None and not operation.revealed and not waits_for_others:
                self._reveal_if_due(operation)

    def stored(self, operation_ids: list[str]) -> None:
        """These outcomes are in the database; from now on they may leave the memory, oldest first."""
        for operation_id in operation_ids:
            operation = self._live.get(operation_id)
            if operation is not None and operation.outcome is not None:
                operation.stored = True
                self._may_leave(operation)

    def expired(self, operation_ids: Iterable[str]) -> None:
        """Nobody may have these outcomes any more. Who waits for one that was held back is told to ask again."""
        for operation_id in operation_ids:
            self._drop(operation_id)

    def release(self, operation_id: str) -> None:
        """Show a result that a `manual` or `never` dial holds back."""
        operation = self._live.get(operation_id)
        if operation is None or operation.outcome is None or operation.revealed:
            raise NotFound(f"no finished operation {operation_id!r} is held back")
        self._reveal(operation)

    def forget(self, tenant: str) -> list[LiveOperation]:
        """Let go of all of the tenant's operations; who waits for one is told to ask again."""
        gone = [operation for operation in self._live.values() if operation.tenant == tenant]
        for operation in gone:
            self._drop(operation.id)
        return gone

    async def wait(self, operation: LiveOperation, seconds: float) -> Outcome | Pending:
        """Its outcome, or that it is still pending after so many seconds. Holds no thread and no connection."""
        operation.polls += 1
        denied = None if operation.interference is None else operation.interference.denied(operation)
        if denied is not None:
            return denied
        dial = self._dial(operation)
        if dial.mode == "polls" and operation.outcome is not None and operation.polls > dial.polls:
            self._reveal(operation)
        held = dial.mode == "polls" and operation.polls <= dial.polls
        if not (operation.revealed or held or self._closing):
            await operation.waiters.wait(self._clocks.of(operation.tenant), seconds)
        if operation.revealed:
            assert operation.outcome is not None
            return operation.outcome
        return Pending(dial.queue_state, dial.reason)

    def close(self) -> None:
        """The server stops: whoever waits is told to ask again, which the next server will answer."""
        self._closing = True
        for operation in self._live.values():
            operation.waiters.wake()

    def statistics(self) -> dict[str, int]:
        return {"live": len(self._live), "kept": len(self._ended), "kept_bytes": self._ended_bytes}

    def _reveal(self, operation: LiveOperation) -> None:
        if not operation.revealed and self._live.get(operation.id) is operation:
            operation.revealed = True
            self._announce(operation)
            self._may_leave(operation)
            for due in self._overtaken.by(operation):
                self._reveal(due)
        operation.waiters.wake()

    def _reveal_if_due(self, operation: LiveOperation) -> None:
        """Tell an ended operation's outcome, now or later, as far as its dial allows."""
        dial = self._dial(operation)
        match dial.mode:
            case "immediate":
                self._reveal(operation)
            case "after":
                clock = self._clocks.of(operation.tenant)
                left = operation.accepted_at + dial.seconds - clock.now()
                if left <= TOLERANCE:
                    self._reveal(operation)
                else:
                    # Asked again, since the dial may have been turned by then.
                    clock.call_later(left, lambda: self._reveal_if_due(operation))
            case "polls":
                if operation.polls > dial.polls:
                    self._reveal(operation)

    def _announce(self, operation: LiveOperation) -> None:
        self.on_reveal(operation)
        if operation.interference is not None and operation.interference.announced_again is not None:
            clock = self._clocks.of(operation.tenant)
            clock.call_later(operation.interference.announced_again, lambda: self.on_reveal(operation))

    def _may_leave(self, operation: LiveOperation) -> None:
        """Once it is both in the database and on show, it stays only while there is room."""
        if not (operation.stored and operation.revealed) or operation.id in self._ended:
            return
        if self._live.get(operation.id) is not operation:
            return  # it has expired meanwhile
        assert operation.outcome is not None
        self._ended[operation.id] = size = len(operation.outcome.result or b"")
        self._ended_bytes += size
        while self._ended and (len(self._ended) > KEPT_OPERATIONS or self._ended_bytes > KEPT_BYTES):
            self._drop(next(iter(self._ended)))

    def _drop(self, operation_id: str) -> None:
        """Let go of an operation, if it is here; who waits for it is told to ask again."""
        self._unended.pop(operation_id, None)
        self._ended_bytes -= self._ended.pop(operation_id, 0)
        operation = self._live.pop(operation_id, None)
        if operation is not None:
            operation.waiters.wake()

    def _dial(self, operation: LiveOperation) -> Dial:
        if operation.interference is not None and operation.interference.dial is not None:
            return operation.interference.dial
        return self._dials.of(operation.tenant, operation.kind)
