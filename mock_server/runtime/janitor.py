"""What time alone brings about: results, checkpoints and sessions expire."""

import logging

from mock_server.domain import checkpoints, operations, sessions
from mock_server.runtime.clock import Clock, Timer
from mock_server.store import Store, Transaction

log = logging.getLogger(__name__)

ROUND_SECONDS = 60.0


class Janitor:
    """Goes round once a minute. Readers check expiry themselves, so nothing depends on its being prompt."""

    def __init__(self, store: Store, clock: Clock, *, result_ttl: float, session_timeout: float) -> None:
        self._store = store
        self._clock = clock
        self._result_ttl = result_ttl
        self._session_timeout = session_timeout
        self._timer: Timer | None = None

    def start(self) -> None:
        self._timer = self._clock.call_later(ROUND_SECONDS, self._round)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def sweep(self, tx: Transaction) -> None:
        """Let go of everything whose time is over."""
        results = operations.expire(tx, finished_before=tx.now - self._result_ttl)
        gone = checkpoints.sweep(tx)
        ended = sessions.expire(tx, silent_since=tx.now - self._session_timeout)
        if results or gone or ended:
            log.info("expired: %d results, %d checkpoints, %d sessions", results, gone, ended)

    def _round(self) -> None:
        self._store.write_later(self.sweep)
        self.start()
