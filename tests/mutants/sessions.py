"""Servers that are wrong about sessions and their clients' configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.domain import sessions
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


@answers("POST /create_session", killed_by=("heartbeat-is-answered", "answer-fits-schema"))
def session_without_id(answer: Answer) -> None:
    """Opens a session and does not say which."""
    answer.drop("session_id")


@answers("POST /client/config", killed_by="client-config-is-there")
def no_client_config(answer: Answer) -> None:
    """Has no client/config, without which no client since 0.18 starts."""
    answer.status, answer.json = 404, {"detail": "Not Found"}


@answers("GET /get_server_capabilities", killed_by="models-are-listed")
def capabilities_as_names(answer: Answer) -> None:
    """Lists its models as bare names."""
    answer.replace(supported_models=[model["model_name"] for model in answer.json["supported_models"]])


@answers("POST /telemetry", killed_by=("telemetry-needs-no-session", "telemetry-is-accepted"))
def telemetry_ok(answer: Answer) -> None:
    """Takes telemetry with another word than `accepted`, for which clients drop the batch and complain."""
    answer.json = {"status": "ok"}


@mutant(killed_by="finished-session-is-gone")
def heartbeat_of_the_dead() -> None:
    """Keeps a finished session alive, so that its client's loop never ends."""
    replaced(sessions, "check_alive", sessions.owned)


@mutant(killed_by="finished-session-is-gone")
def finish_forgotten() -> None:
    """Takes the end of a session and forgets it."""

    def forget(*_: object, **__: object) -> None:
        return

    replaced(sessions, "finish", forget)


@answers("POST /session_heartbeat", killed_by="heartbeat-is-answered")
def heartbeats_fail(answer: Answer) -> None:
    """Answers heartbeats with 500."""
    answer.status, answer.json = 500, {"detail": "boom"}


@mutant(killed_by="newest-comes-first")
def sessions_oldest_first() -> None:
    """Lists sessions oldest first."""

    def reverse(page: Callable[..., Any]) -> Callable[..., Any]:
        def reversed_page(*args: Any, **kwargs: Any) -> Any:
            found, total = page(*args, **kwargs)
            return list(reversed(found)), total

        return reversed_page

    wrapped(sessions, "page", reverse)


@mutant(killed_by="pages-hold-each-item-once")
def offset_ignored() -> None:
    """Gives the first page of sessions whatever the offset."""

    def ignore(page: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, limit, offset: page(*args, limit=limit, offset=0)

    wrapped(sessions, "page", ignore)


@answers("GET /sessions/[^/]+", killed_by="session-names-what-is-in-it")
def session_without_its_runs(answer: Answer) -> None:
    """Describes a session and leaves out its training runs."""
    if answer.ok:
        answer.replace(training_run_ids=[])


@answers("POST /client/config", killed_by="unknown-version-is-served")
def versions_of_today_only(answer: Answer) -> None:
    """Refuses clients that are newer than it is."""
    if b'"99.' in answer.asked:
        answer.refuse(400, "unknown client")


@answers("POST /session_heartbeat", killed_by="heartbeat-of-nobody-is-refused")
def heartbeat_of_anybody(answer: Answer) -> None:
    """Takes heartbeats of sessions that never were."""
    if answer.status == 404:
        answer.status, answer.json = 200, {"type": "session_heartbeat"}


@answers("POST /heartbeat", killed_by="heartbeat-has-one-path")
def heartbeat_under_two_paths(answer: Answer) -> None:
    """Takes heartbeats under a path that nobody documented."""
    answer.status, answer.json = 200, {"type": "session_heartbeat"}


@answers("POST /sessions/[^/]+/finish", killed_by="session-is-finished-twice")
def finished_once_only(answer: Answer) -> None:
    """Answers the repeated end of a session with 409, which clients repeat for minutes."""
    if answer.ok and answer.path in _FINISHED:
        answer.refuse(409, "finished already")
    _FINISHED.add(answer.path)


_FINISHED: set[str] = set()


@answers("POST /sessions/[^/]+/finish", killed_by="finishing-nothing-is-404")
def finish_of_anything(answer: Answer) -> None:
    """Finishes sessions that never were."""
    if answer.status == 404:
        answer.status, answer.body = 204, b""
