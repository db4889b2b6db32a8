"""The single writer: one thread, one connection, one commit for all writes that wait.

Writes wait in a queue before they take a connection, so a burst of them makes a longer group, not a lock conflict.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from mock_server.store.artifacts import Artifacts
from mock_server.store.errors import StorageUnavailable
from mock_server.store.transaction import Transaction

log = logging.getLogger(__name__)

GROUP_LIMIT = 500
"""Writes in one commit at most, so that no waiter waits for an endless group."""
RETRY_SECONDS = 1.0
"""Pause before writes that nobody waits for are tried again on a full disk."""

Rule = Callable[[Transaction], Any]


@dataclass(slots=True)
class Write:
    """A rule to run, and where its caller waits; without a caller it is retried until it holds."""

    rule: Rule
    loop: asyncio.AbstractEventLoop | None = None
    waiter: "asyncio.Future[Any] | None" = None
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs writes in the order in which they were asked for."""

    def __init__(self, engine: Engine, artifacts: Artifacts, clock: Callable[[], float], *, linger: float) -> None:
        """`linger`: seconds that a write without a caller may wait for company."""
        self._engine = engine
        self._artifacts = artifacts
        self._clock = clock
        self._linger = linger
        self._queue: deque[Write] = deque()
        self._urgent = 0
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def write(self, rule: Rule) -> Any:
        """Run the rule and return its result when it is durable; its own errors are raised here."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Any] = loop.create_future()
        self._put(Write(rule, loop, waiter))
        return await waiter

    def write_later(self, rule: Rule) -> None:
        """Run the rule in its turn: never after a write that was asked for later, and within `linger` seconds."""
        self._put(Write(rule))

    def close(self) -> None:
        """Finish what is queued and stop. A disk that stays full loses only what can be computed again."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _put(self, write: Write) -> None:
        with self._wake:
            if self._closing:
                raise StorageUnavailable("the server is stopping")
            self._queue.append(write)
            if write.waiter is not None:
                self._urgent += 1
                self._wake.notify()
            elif len(self._queue) == 1:
                self._wake.notify()

    def _next_group(self) -> list[Write]:
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            if not self._urgent and not self._closing:
                self._wake.wait_for(lambda: self._urgent or self._closing, timeout=self._linger)
            group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_LIMIT))]
            self._urgent -= sum(1 for write in group if write.waiter is not None)
            return group

    def _run(self) -> None:
        connection = self._engine.connect()
        while True:
            group = self._next_group()
            if not group:
                break
            self._execute(connection, group)
        connection.close()

    def _execute(self, connection: Connection, group: list[Write]) -> None:
        try:
            self._commit(connection, group)
        except Exception:  # noqa: BLE001 - whose error it was shows when each runs alone
            for write in group:
                self._commit_alone(connection, write)
        self._deliver(group)

    def _commit(self, connection: Connection, group: list[Write]) -> None:
        transactions = []
        with connection.begin():
            now = self._clock()
            for write in group:
                transaction = Transaction(connection, self._artifacts, now)
                transactions.append(transaction)
                write.result = write.rule(transaction)
                transaction.flush()
        for transaction in transactions:
            transaction.close()
            for hook in transaction.hooks:
                self._after_commit(hook)

    @staticmethod
    def _after_commit(hook: Callable[[], object]) -> None:
        try:
            hook()
        except Exception:  # the commit holds, whatever becomes of its hook
            log.exception("a hook after a commit failed")

    def _commit_alone(self, connection: Connection, write: Write) -> None:
        while True:
            try:
                self._commit(connection, [write])
            except DBAPIError as error:
                write.error = _unavailable(error)
            except Exception as error:  # noqa: BLE001 - handed to whoever asked for the write
                write.error = error
            else:
                write.error = None
                return
            if write.waiter is not None:
                return
            log.error("a write could not be stored: %s", write.error, exc_info=write.error)
            if self._closing or not isinstance(write.error, StorageUnavailable):
                return
            threading.Event().wait(RETRY_SECONDS)

    @staticmethod
    def _deliver(group: list[Write]) -> None:
        """Wake all callers of one loop with one call into it."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Write]] = {}
        for write in group:
            if write.loop is not None:
                by_loop.setdefault(write.loop, []).append(write)
        for loop, writes in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, writes)


def _resolve(writes: list[Write]) -> None:
    for write in writes:
        assert write.waiter is not None
        if write.waiter.done():
            continue  # its caller went away; the write holds all the same
        if write.error is not None:
            write.waiter.set_exception(write.error)
        else:
            write.waiter.set_result(write.result)


def _unavailable(error: DBAPIError) -> Exception:
    """Disk full, read-only and the like can pass; any other database error is a bug of ours."""
    return (
        StorageUnavailable(f"the database can't be written: {error.orig}")
        if isinstance(error, OperationalError)
        else error
    )
