"""A training run at work: its operations one at a time in the order of their seq_ids.

Requests arrive in any order (the SDK posts the first chunk of a batch last), and some never arrive. Whatever is
accepted waits here for its turn.
"""

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable

from mock_server.domain.ids import POSITIONS_PER_SEQ_ID
from mock_server.domain.operations import Outcome
from mock_server.runtime.board import LiveOperation
from mock_server.runtime.clock import TOLERANCE, Clock
from mock_server.store import StorageUnavailable

log = logging.getLogger(__name__)

FIRST_SEQ_ID = 1
"""What every known client begins with; one that begins with 0 is served as well."""
COMEBACK_SECONDS = 60.0
"""How long a gap is held open for a client that the server itself sent away, by dying or by refusing to store: clients
back off up to 30 s before they come again."""


class OrderedQueue:
    """The operations of one run, waiting for their turn."""

    def __init__(self, run_id: str, clock: Clock, gap_seconds: float, next_seq: int, held_until: float = 0.0) -> None:
        """`held_until`: no gap is given up before this moment of the clock."""
        self.run_id = run_id
        self._clock = clock
        self._gap_seconds = gap_seconds
        self._next_seq = next_seq
        self._waiting: list[tuple[int, str, LiveOperation]] = []
        self._consumed: set[int] = set()
        self._quiet_since = clock.now()
        self._held_until = held_until
        self._wake = asyncio.Event()
        self._waits = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def rests(self) -> bool:
        """Whether it waits for a request that is missing, and nothing can be done meanwhile."""
        return self._waits and not self._wake.is_set()

    def put(self, operation: LiveOperation) -> None:
        heapq.heappush(self._waiting, (operation.position, operation.id, operation))
        self._quiet_since = self._clock.now()
        self._wake.set()

    def hold(self) -> None:
        """A request of this run was sent away and will come again: whatever gap it leaves is held open for it."""
        self._held_until = self._clock.now() + COMEBACK_SECONDS

    def consume(self, seq_id: int) -> None:
        """A refused request used this number up: nothing will come under it."""
        if seq_id >= self._next_seq:
            self._consumed.add(seq_id)
            self._wake.set()

    async def next(self, skip_to: Callable[[LiveOperation], Awaitable[None]]) -> LiveOperation | None:
        """The operation whose turn it is; None when nothing waits.

        A gap that stays open for `gap_seconds` after the last arrival is given up: `skip_to` writes that down before
        anything behind it runs, so that a restarted server gives it up at the same place. While it can't be written
        down, neither can the missing request, and its client keeps trying.
        """
        while self._waiting:
            while self._next_seq in self._consumed:
                self._consumed.discard(self._next_seq)
                self._next_seq += 1
            operation = self._waiting[0][2]
            if operation.seq_id is None or operation.seq_id <= self._next_seq:
                heapq.heappop(self._waiting)
                return operation
            left = max(self._quiet_since + self._gap_seconds, self._held_until) - self._clock.now()
            if left <= TOLERANCE:
                log.warning(
                    "training run %s goes on with seq_id %d: %d did not come within %g s",
                    self.run_id, operation.seq_id, self._next_seq, self._gap_seconds,
                )  # fmt: skip
                try:
                    await skip_to(operation)
                    self._next_seq = operation.seq_id
                except Exception as error:
                    # Whatever it is, the run must not die of it: who waits for its operations would never hear of it.
                    ours = None if isinstance(error, StorageUnavailable) else error
                    log.warning("training run %s waits on: %s", self.run_id, error, exc_info=ours)
                    self.hold()
                continue
            self._wake.clear()
            timer = self._clock.call_later(left, self._wake.set)
            self._waits = True
            try:
                await self._wake.wait()
            finally:
                self._waits = False
                timer.cancel()
        return None

    def too_late(self, operation: LiveOperation) -> Outcome | None:
        """The failure of an operation that arrived after the run went on without it; None for one in time."""
        if operation.seq_id is None or operation.seq_id >= self._next_seq or self._next_seq == FIRST_SEQ_ID:
            return None
        message = (
            f"seq_id {operation.seq_id} arrived after training run {self.run_id} had gone on to {self._next_seq} "
            f"without it (it waited {self._gap_seconds:g} s): submit the request again under the next seq_id"
        )
        return Outcome(operation.id, "failed", error=message, error_category="user")

    def done(self, operation: LiveOperation) -> None:
        if operation.seq_id is not None:
            self._next_seq = max(self._next_seq, operation.seq_id + 1)


def next_seq_after(position: int | None, skipped_to: int) -> int:
    """The seq_id that follows the operation at this place in a run's log, or where a gap was given up."""
    following = FIRST_SEQ_ID if position is None else position // POSITIONS_PER_SEQ_ID + 1
    return max(following, skipped_to // POSITIONS_PER_SEQ_ID)
