"""The single writer: one thread, one connection, one commit for all writes that wait.

Writes wait in a queue before they take a connection, so a burst of them makes a longer group, not a lock conflict.
"""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from mock_server.store.artifacts import Artifacts
from mock_server.store.database import storage_fault
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
    """A rule to run, and where its caller waits; without a caller it is tried again until there is room for it."""

    rule: Rule
    loop: asyncio.AbstractEventLoop | None = None
    waiter: "asyncio.Future[Any] | None" = None
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs writes in the order in which they were asked for."""

    def __init__(self, engine: Engine, artifacts: Artifacts, clock: Callable[[str], float], *, linger: float) -> None:
        """`linger`: seconds that a write without a caller may wait for company."""
        self._connection = engine.connect()
        self._artifacts = artifacts
        self._clock = clock
        self._linger = self._patience = linger
        self._queue: deque[Write] = deque()
        self._urgent = 0
        self._closing = False
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
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
        self._connection.close()

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

    def _run(self) -> None:
        while group := self._next_group():
            self._execute(group)

    def _next_group(self) -> list[Write]:
        """The writes of the next commit; none when the store is closed."""
        with self._wake:
            self._wake.wait_for(lambda: self._queue or self._closing)
            self._wake.wait_for(lambda: self._urgent or self._closing, timeout=self._patience)
            group = [self._queue.popleft() for _ in range(min(len(self._queue), GROUP_LIMIT))]
            self._urgent -= sum(1 for write in group if write.waiter is not None)
            return group

    def _execute(self, group: list[Write]) -> None:
        try:
            try:
                self._commit(group, apart=False)
            except Exception as error:
                if storage_fault(error) is not None:
                    raise
                self._commit(group, apart=True)  # which shows whose error it was
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            self._postpone(group, StorageUnavailable(f"the database can't be written: {storage_fault(error) or error}"))
        else:
            self._patience = self._linger
            _deliver(group)

    def _commit(self, group: list[Write], *, apart: bool) -> None:
        """Run all rules and commit them at once. `apart`: one that fails leaves the others of the group alone."""
        hooks: list[Callable[[], object]] = []
        with self._connection.begin():
            for write in group:
                write.error = None
                transaction = Transaction(self._connection, self._artifacts, self._clock)
                try:
                    if apart:
                        self._apart(write, transaction)
                    else:
                        write.result = _run_rule(write.rule, transaction)
                finally:
                    transaction.close()
                if write.error is None:
                    hooks += transaction.hooks
        for hook in hooks:
            try:
                hook()
            except Exception:  # the commit holds, whatever becomes of its hook
                log.exception("a hook after a commit failed")

    def _apart(self, write: Write, transaction: Transaction) -> None:
        savepoint = self._connection.begin_nested()
        try:
            write.result = _run_rule(write.rule, transaction)
        except Exception as error:
            if storage_fault(error) is not None:
                raise  # it has ended the whole transaction: there is no savepoint to go back to
            if savepoint.is_active:
                savepoint.rollback()
            write.error = error
            if write.waiter is None:
                log.exception("a write that nobody waits for failed")
        else:
            savepoint.commit()

    def _postpone(self, group: list[Write], error: StorageUnavailable) -> None:
        """Nothing of the group was stored. Who waits is told so; the other writes keep their order and are tried again.

        Those behind the group may not be done before it, so they wait or are told the same.
        """
        with self._wake:
            writes = [*group, *self._queue]
            self._queue = deque([] if self._closing else [write for write in writes if write.waiter is None])
            self._urgent = 0
        if self._closing:
            log.error("%s; what can be computed again is left to the next start", error)
        elif self._patience != RETRY_SECONDS:
            log.error("%s; %d writes without a caller are kept and tried again", error, len(self._queue))
        self._patience = RETRY_SECONDS
        waiting = [write for write in writes if write.waiter is not None]
        for write in waiting:
            write.error = error
        _deliver(waiting)


def _run_rule(rule: Rule, transaction: Transaction) -> Any:
    try:
        result = rule(transaction)
        transaction.flush()
    except (StopIteration, SystemExit, KeyboardInterrupt) as error:
        # A future takes no StopIteration, and the thread must not end: whoever waits would wait for ever.
        raise RuntimeError(f"a rule raised {error!r}") from error
    return result


def _deliver(writes: list[Write]) -> None:
    """Wake all callers of one loop with one call into it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Write]] = {}
    for write in writes:
        if write.loop is not None:
            by_loop.setdefault(write.loop, []).append(write)
    for loop, waiting in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_resolve, waiting)


def _resolve(writes: list[Write]) -> None:
    for write in writes:
        assert write.waiter is not None
        if write.waiter.done():
            continue  # its caller went away; the write holds all the same
        if write.error is not None:
            write.waiter.set_exception(write.error)
        else:
            write.waiter.set_result(write.result)
