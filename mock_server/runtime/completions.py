"""The order in which samples of a sampler ended, for clients that poll once for all of them (retrieve_futures)."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from time import time

from mock_server.domain import ids, resumption
from mock_server.runtime.board import Board, LiveOperation
from mock_server.runtime.clock import Clock
from mock_server.runtime.recorder import Recorder
from mock_server.runtime.waiters import Waiters
from mock_server.store import Store

SEQ_IDS_PER_CLONE = 1_000_000_000
"""Copies of a sampling client number their requests in blocks of a billion."""
KEPT_FEEDS = 1024
"""The feeds of clients that asked last; others are made again from the database."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One sample that ended: cursor is its place, size that of its result in bytes."""

    cursor: int
    operation_id: str
    failed: bool
    size: int


@dataclass
class Feed:
    """What one client has not seen yet, and the cursor of the newest."""

    cursor: int
    unseen: dict[str, Completion] = field(default_factory=dict)
    waiters: Waiters = field(default_factory=Waiters)


class Completions:
    """Feeds by sampler and clone; only those that somebody asked for are kept."""

    def __init__(self, store: Store, recorder: Recorder, board: Board) -> None:
        self._store = store
        self._recorder = recorder
        self._board = board
        self._feeds: OrderedDict[tuple[str, int], Feed] = OrderedDict()
        self._closing = False

    def ended(self, operation: LiveOperation) -> None:
        """A sample's result may be seen from now on."""
        if operation.kind == "sample" and operation.outcome is not None:
            feed = self._feeds.get((operation.target, (operation.seq_id or 0) // SEQ_IDS_PER_CLONE))
            if feed is not None:
                outcome = operation.outcome
                _add(feed, outcome.id, failed=outcome.state != "succeeded", size=len(outcome.result or b""))
                feed.waiters.wake()

    async def poll(
        self, clock: Clock, sampler_id: str, clone: int, *, seen: int, retrieved: list[str], seconds: float
    ) -> tuple[list[Completion], int]:
        """What ended behind the cursor `seen`, waiting for a first one by this clock; and the next cursor."""
        key = sampler_id, clone
        feed = self._feeds.get(key) or await self._begin(key, seen)
        self._feeds[key] = feed
        self._feeds.move_to_end(key)
        for operation_id in [*retrieved, *(c.operation_id for c in feed.unseen.values() if c.cursor <= seen)]:
            feed.unseen.pop(operation_id, None)
        if not feed.unseen and seconds > 0 and not self._closing:
            await feed.waiters.wait(clock, seconds)
        found = list(feed.unseen.values())
        return found, max((completion.cursor for completion in found), default=seen)

    def forget(self, session_ids: Collection[str]) -> None:
        """Let go of what the samplers of these sessions have ended; who polls is told that there is nothing."""
        for key in [key for key in self._feeds if ids.session_of(key[0]) in session_ids]:
            feed = self._feeds.pop(key)
            feed.unseen.clear()
            feed.waiters.wake()

    def close(self) -> None:
        """The server stops: whoever waits is told to ask again."""
        self._closing = True
        for feed in self._feeds.values():
            feed.waiters.wake()

    async def _begin(self, key: tuple[str, int], seen: int) -> Feed:
        """A feed with what ended before anybody asked, or before the server was restarted."""
        for old in [old for old, other in self._feeds.items() if not other.waiters]:
            if len(self._feeds) < KEPT_FEEDS:
                break
            del self._feeds[old]
        # Larger than any cursor of an earlier feed, so that a client that kept one misses nothing; the tenant's clock
        # may stand, the machine's does not. What ends from now on comes in by itself, the rest from the database.
        feed = self._feeds[key] = Feed(max(seen, int(time() * 1_000_000)))
        try:
            await self._recorder.settle()
        except BaseException:
            self._feeds.pop(key, None)
            raise
        sampler_id, clone = key
        for row, result in await self._store.read(resumption.ended_samples, sampler_id):
            live = self._board.get(row.id)
            shown = (live is None or live.revealed) and row.id not in feed.unseen
            if shown and (row.seq_id or 0) // SEQ_IDS_PER_CLONE == clone:
                _add(feed, row.id, failed=row.state != "succeeded", size=result.size)
        feed.waiters.wake()  # another poll may wait for it already
        return feed


def _add(feed: Feed, operation_id: str, *, failed: bool, size: int) -> None:
    feed.cursor += 1
    feed.unseen[operation_id] = Completion(feed.cursor, operation_id, failed, size)
