"""What was seen before an exchange, as far as the checks ask for it: bounded, and each question one look-up."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from contracts.observer.facts import Facts
from contracts.observer.routes import SAVES
from contracts.observer.walk import values_of

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.observer.facts import Ending, Number
    from contracts.observer.spec import Spec

K = TypeVar("K")
V = TypeVar("V")
REMEMBERED: Final = 4096
"""Entries of each kind. The oldest go first: who runs for days asks about what was just seen."""
_KEPT_BODY: Final = 2048


class Recent(OrderedDict[K, V], Generic[K, V]):
    """A mapping that forgets what was written longest ago."""

    def put(self, key: K, value: V) -> V:
        """Set and return."""
        self[key] = value
        self.move_to_end(key)
        if len(self) > REMEMBERED:
            self.popitem(last=False)
        return value


def slim(exchange: Exchange, kept: int = _KEPT_BODY) -> Exchange:
    """The same with the beginnings of long bodies, so many bytes, as evidence that does not fill the memory."""
    request, response = exchange.request, exchange.response
    if len(request.body) > kept:
        request = replace(request, body=request.body[:kept], whole=False)
    if response is not None and len(response.body) > kept:
        response = replace(response, body=response.body[:kept], whole=False)
    return replace(exchange, request=request, response=response)


@dataclass
class Submission:
    """A numbered request: its first attempt, and what all attempts met."""

    operation: str
    digest: int
    number: Number | None
    exchange: Exchange
    body: dict[str, Any]
    data_count: int | None = None
    request_id: str = ""
    sample_ids: int | None = None
    accepted: Exchange | None = None
    accepted_digest: int | None = None
    """Of what was accepted: a first attempt that was refused may have said something else."""
    accepted_meaning: int | None = None
    """Where the body of what was accepted is too long to be kept."""
    lost: Exchange | None = None
    """The last attempt, where that was lost."""
    failures: int = 0
    conflicts: int = 0


@dataclass
class Attempt:
    """The last request under one idempotency key."""

    facts_message: int
    digest: int
    operation: str
    count: int
    status: int
    retry_after: float | None
    vetoed: bool
    exchange: Exchange


@dataclass
class Outcome:
    """What polls of one operation were told."""

    ending: Ending | None = None
    """The final one, once there is one."""
    last: Ending | None = None
    results: dict[str, int] = field(default_factory=dict)
    """The final result by media type."""
    exchange: Exchange | None = None
    gone: Exchange | None = None
    polled: deque[float] = field(default_factory=lambda: deque(maxlen=21))


@dataclass
class Beat:
    """The last heartbeat of a session."""

    started: float
    gone: Exchange | None


class History:
    """Everything before the exchange that is judged. `record` it afterwards, and only then."""

    def __init__(self) -> None:
        self.submissions: Recent[tuple[str, Number], Submission] = Recent()
        self.operations: Recent[tuple[str, str], Submission] = Recent()
        """By tenant and request id."""
        self.outcomes: Recent[tuple[str, str], Outcome] = Recent()
        self.attempts: Recent[tuple[str, str], Attempt] = Recent()
        self.told: Recent[tuple[str, str], tuple[int, Exchange]] = Recent()
        """By tenant and run, the highest number whose success was told."""
        self.lost: Recent[tuple[str, str, int], Submission] = Recent()
        """Submissions whose last attempt was lost, by tenant, target and what they say."""
        self.deleted: Recent[tuple[str, str], Exchange] = Recent()
        self.unloaded: Recent[tuple[str, str], Exchange] = Recent()
        self.finished: Recent[tuple[str, str], Exchange] = Recent()
        self.beats: Recent[tuple[str, str], Beat] = Recent()
        self.cursors: Recent[tuple[str, str], int] = Recent()
        self.sessions: Recent[str, Exchange] = Recent()
        self.signed: Recent[str, Exchange] = Recent()
        """Addresses that were handed out: path and query."""

    def record(self, facts: Facts, spec: Spec) -> None:
        """Remember an exchange."""
        kept = slim(facts.exchange)
        if facts.idempotency_key:
            self._attempted(facts, kept)
        if facts.number is not None:
            self._submitted(facts, facts.number, kept, spec)
        match facts.operation:
            case "retrieve_future":
                self._polled(facts, kept)
            case "retrieve_futures" if isinstance(facts.answer.get("cursor"), int):
                target = (facts.tenant, str(facts.body.get("target")))
                self.cursors.put(target, max(self.cursors.get(target, 0), facts.answer["cursor"]))
            case "session_heartbeat":
                session = (facts.tenant, str(facts.body.get("session_id")))
                self.beats.put(session, Beat(facts.exchange.started, kept if facts.status == 410 else None))
            case "create_session" if isinstance(facts.answer.get("session_id"), str):
                self.sessions.put(facts.answer["session_id"], kept)
            case "copy_weights":
                self.deleted.pop((facts.tenant, str(facts.answer.get("tinker_path"))), None)
            case "archive" | "external_weights_urls":
                self._signed(facts, kept)
            case _ if facts.accepted:
                self._ended(facts, kept)

    def outcome(self, facts: Facts) -> Outcome:
        """What was told of the operation that a poll asks for."""
        return self.outcomes.get((facts.tenant, facts.request_id)) or Outcome()

    def submission(self, facts: Facts) -> Submission | None:
        """The first attempt of a numbered request."""
        return None if facts.number is None else self.submissions.get((facts.tenant, facts.number))

    def polled(self, facts: Facts) -> Submission | None:
        """The submission whose operation a poll asks for."""
        return self.operations.get((facts.tenant, facts.request_id))

    def _attempted(self, facts: Facts, kept: Exchange) -> None:
        should = kept.response.headers.get("x-should-retry") if kept.response is not None else None
        self.attempts.put(
            (facts.tenant, facts.idempotency_key),
            Attempt(
                facts.message,
                facts.digest,
                facts.operation,
                facts.retry_count,
                facts.status,
                facts.retry_after,
                should != "true",
                kept,
            ),
        )

    def _submitted(self, facts: Facts, number: Number, kept: Exchange, spec: Spec) -> None:
        key = (facts.tenant, number)
        first = self.submissions.get(key)
        if first is None:
            body = {
                name: value for name, value in facts.body.items() if isinstance(value, (str, int, dict, type(None)))
            }
            first = self.submissions.put(
                key, Submission(facts.operation, facts.digest, number, kept, body, facts.data_count)
            )
        lost_key = (facts.tenant, number[1], first.digest)
        first.lost = kept if facts.lost else None
        if facts.lost:
            first.failures += 1
            self.lost.put(lost_key, first)
        elif self.lost.get(lost_key) is first:
            del self.lost[lost_key]
        first.conflicts += facts.status == 409
        if facts.accepted and first.accepted is None:
            first.accepted, first.accepted_digest = kept, facts.digest
            if not kept.request.whole:
                first.accepted_meaning = spec.meaning(facts.exchange)
            first.request_id = facts.request_id
            ids = facts.answer.get("sample_sequence_ids")
            first.sample_ids = len(ids) if isinstance(ids, list) else None
            if facts.request_id:
                self.operations.put((facts.tenant, facts.request_id), first)
            if facts.operation in SAVES and isinstance(facts.body.get("path"), str):
                # Whatever becomes of it, the name may be there again.
                for kind in ("weights", "sampler_weights", "external_weights"):
                    self.deleted.pop((facts.tenant, f"tinker://{number[1]}/{kind}/{facts.body['path']}"), None)

    def _polled(self, facts: Facts, kept: Exchange) -> None:
        key = (facts.tenant, facts.request_id)
        outcome = self.outcomes.get(key) or self.outcomes.put(key, Outcome())
        outcome.polled.append(facts.exchange.started)
        outcome.last = facts.ending or outcome.last
        if facts.ending == "gone":
            outcome.gone = kept
        if facts.ending not in {"succeeded", "failed"}:
            return
        if outcome.ending is None:
            outcome.ending, outcome.exchange = facts.ending, kept
        if kept.response is not None:
            outcome.results.setdefault(kept.response.media_type, facts.result)
        submission = self.operations.get(key)
        if facts.ending == "succeeded" and submission is not None and submission.number is not None:
            counts, run, number = submission.number
            if counts == "run" and number > self.told.get((facts.tenant, run), (0, kept))[0]:
                self.told.put((facts.tenant, run), (number, kept))

    def _signed(self, facts: Facts, kept: Exchange) -> None:
        response = facts.exchange.response
        location = response.headers.get("location", "") if response is not None else ""
        urls = [location, str(facts.answer.get("url", "")), *values_of(facts.answer.get("urls"), None)]
        for url in urls:
            if isinstance(url, str) and "://" in url:
                self.signed.put("/" + url.split("://", 1)[1].partition("/")[2], kept)

    def _ended(self, facts: Facts, kept: Exchange) -> None:
        match facts.operation:
            case "delete_checkpoint":
                self.deleted.put((facts.tenant, facts.route.checkpoint), kept)
            case "finish_session":
                self.finished.put((facts.tenant, facts.route.session), kept)
            case "unload_model":
                self.unloaded.put((facts.tenant, str(facts.body.get("model_id"))), kept)
