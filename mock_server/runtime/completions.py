"""The order in which samples of a sampler ended, for clients that poll once for all of them (retrieve_futures)."""

import asyncio
from dataclasses import dataclass, field

from mock_server.domain import operations
from mock_server.domain.operations import Outcome
from mock_server.runtime.board import LiveOperation
from mock_server.runtime.clock import Clock
from mock_server.runtime.recorder import Recorder
from mock_server.store import Store

SEQ_IDS_PER_CLONE = 1_000_000_000
"""Copies of a sampling client number their requests in blocks of a billion."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One sample that ended: cursor is its place, size that of its result in bytes."""

    cursor: int
    operation_id: str
    failed: bool
    size: int


@dataclass
class Feed:
    """What one client has not seen yet."""

    unseen: dict[str, Completion] = field(default_factory=dict)
    waiters: "list[asyncio.Future[None]]" = field(default_factory=list)


class Completions:
    """Feeds by sampler and clone; only those that somebody asked for are kept."""

    def __init__(self, store: Store, recorder: Recorder, clock: Clock) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock
        # Larger than any cursor of an earlier life of the server, so that a client that kept one misses nothing.
        self._cursor = int(clock.now() * 1_000_000)
        self._feeds: dict[tuple[str, int], Feed] = {}

    def ended(self, operation: LiveOperation) -> None:
        """A sample's result may be seen from now on."""
        if operation.kind == "sample" and operation.outcome is not None:
            feed = self._feeds.get((operation.target, (operation.seq_id or 0) // SEQ_IDS_PER_CLONE))
            if feed is not None:
                self._add(feed, operation.outcome)

    async def poll(
        self, sampler_id: str, clone: int, *, seen: int, retrieved: list[str], seconds: float
    ) -> tuple[list[Completion], int]:
        """What ended behind the cursor `seen`, waiting up to so many seconds for a first one; and the next cursor."""
        feed = self._feeds.get((sampler_id, clone))
        if feed is None:
            feed = self._feeds[sampler_id, clone] = Feed()
            await self._catch_up(sampler_id, clone, feed)
        for operation_id in [*retrieved, *(c.operation_id for c in feed.unseen.values() if c.cursor <= seen)]:
            feed.unseen.pop(operation_id, None)
        if not feed.unseen and seconds > 0:
            await self._wait(feed, seconds)
        found = list(feed.unseen.values())
        return found, max((completion.cursor for completion in found), default=seen)

    def close(self) -> None:
        for feed in self._feeds.values():
            _wake(feed)

    async def _catch_up(self, sampler_id: str, clone: int, feed: Feed) -> None:
        """What ended before anybody asked, or before the server was restarted."""
        await self._recorder.settle()
        for row, result in await self._store.read(operations.ended_samples, sampler_id):
            if (row.seq_id or 0) // SEQ_IDS_PER_CLONE == clone and row.id not in feed.unseen:
                self._cursor += 1
                feed.unseen[row.id] = Completion(self._cursor, row.id, row.state != "succeeded", result.size)

    def _add(self, feed: Feed, outcome: Outcome) -> None:
        self._cursor += 1
        size = len(outcome.result or b"")
        feed.unseen[outcome.id] = Completion(self._cursor, outcome.id, outcome.state != "succeeded", size)
        _wake(feed)

    async def _wait(self, feed: Feed, seconds: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        feed.waiters.append(waiter)
        timer = self._clock.call_later(seconds, lambda: _wake(feed))
        try:
            await waiter
        finally:
            timer.cancel()
            if waiter in feed.waiters:
                feed.waiters.remove(waiter)


def _wake(feed: Feed) -> None:
    for waiter in feed.waiters:
        if not waiter.done():
            waiter.set_result(None)
    feed.waiters.clear()
