"""One generated request: whose it is, sent, judged; and what is done about a server that does not answer."""

from __future__ import annotations

from collections import Counter
from threading import Lock, local
from typing import TYPE_CHECKING, Any, Final

import requests

from contracts.server.shape.belongings import Belongings, Workshop
from contracts.server.shape.placing import SPENDERS, place, tame
from contracts.server.shape.verdict import Judge
from contracts.server.shape.wire import WatchedSession

if TYPE_CHECKING:
    from contracts.server.judgement import Judgement
    from contracts.server.shape.description import Asked
    from contracts.server.shape.exclusions import Exclusions
    from contracts.server.shape.generation import AnyCase
    from contracts.server.target import Target

SECONDS: Final = 15.0
PATIENT_SECONDS: Final = 3.0
PATIENT: Final = frozenset({"retrieve_future", "retrieve_futures", "stream_sample", "get_archive_url"})
"""They may wait for something; who gives up before learns nothing, and that is no failure."""
SILENT: Final = 2
"""An operation that so often does not answer is not asked again: it would cost minutes to learn the same."""
GONE: Final = 6
"""So many operations without an answer in a row, and the server is gone."""
_NEVER_SENT: Final = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    UnicodeError,
)
"""What requests can't put on the wire; no client can."""


class Trials:
    """Sends and judges generated requests for one target. Safe to be used by several threads."""

    def __init__(self, target: Target, judgement: Judgement, exclusions: Exclusions) -> None:
        self.target = target
        self.judge = Judge(judgement, exclusions)
        self.workshop = Workshop(target)
        self._judgement = judgement
        self._local = local()
        self._silent: Counter[str] = Counter()
        self._in_a_row = 0
        self._lock = Lock()

    @property
    def server_is_gone(self) -> bool:
        """Whether nothing answers any more."""
        return self._in_a_row >= GONE

    def is_silent(self, operation: Asked) -> bool:
        """Whether asking it again is in vain."""
        return self._silent[operation.id] >= SILENT

    @property
    def silent(self) -> list[str]:
        """The operations that were given up."""
        return sorted(id_ for id_, times in self._silent.items() if times >= SILENT)

    def transport(self, operation: Asked, tenant: Belongings) -> dict[str, Any]:
        """How a request of that tenant is sent, in the terms of `Case.call`."""
        if not hasattr(self._local, "session"):
            self._local.session = WatchedSession(self.target.url)
        self._local.session.watch = tenant.watch
        seconds = PATIENT_SECONDS if operation.id in PATIENT else SECONDS
        return {"session": self._local.session, "headers": {"X-API-Key": tenant.key}, "timeout": seconds}

    def belongings(self) -> Belongings:
        """A tenant, new where the server takes any key, that will have what it is asked about."""
        key = self.target.key()
        # Most fresh keys are used once: nobody need remember who watched them.
        watch = self._judgement.watcher("" if self.target.takes_any_key else key)
        return Belongings(self.workshop, key, watch)

    def ask(self, operation: Asked, case: AnyCase, belongings: Belongings) -> Belongings:
        """One request with its verdict. Returns the tenant of the next one."""
        tame(operation.id, case)
        # What asks for nothing that somebody has is asked by somebody new each time.
        tenant = belongings if place(operation.id, case, belongings) else self.belongings()
        transport = self.transport(operation, tenant)
        response = self.sent(operation, case, transport)
        if response is None:
            return belongings
        self.judge.answered(operation, case, response, transport["session"].last, transport)
        spent = belongings.spent or (operation.id in SPENDERS and 200 <= response.status_code < 300)
        return self.belongings() if spent else belongings

    def sent(self, operation: Asked, case: AnyCase, transport: dict[str, Any]) -> Any:
        """The answer; None where there is none, which is a finding of its own if there should be one."""
        session: WatchedSession = transport["session"]
        session.last = None
        try:
            response = case.call(**transport)
        except _NEVER_SENT:
            return None
        except (requests.Timeout, requests.ConnectionError) as error:
            self._unanswered(operation, error, session)
            return None
        self._in_a_row = 0
        return response

    def _unanswered(self, operation: Asked, error: requests.RequestException, session: WatchedSession) -> None:
        late = isinstance(error, requests.Timeout)
        if late and operation.id in PATIENT:
            return
        with self._lock:
            self._silent[operation.id] += 1
            self._in_a_row += 1
        reason = f"no answer within {SECONDS:g} seconds" if late else f"the connection ended: {_kind(error)}"
        self.judge.unanswered(operation, reason, session.last)


def _kind(error: BaseException) -> str:
    """What was at the bottom of it, without the addresses that each attempt has anew."""
    while error.__context__ is not None:
        error = error.__context__
    return type(error).__name__
