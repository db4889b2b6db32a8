"""Servers that let the wrong ones in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlmodel import select

from mock_server.api import call, json_route
from mock_server.api.tinker import numbered
from mock_server.domain import checkpoints, operations, samplers, sessions, training_runs
from mock_server.domain.errors import Forbidden, NotFound
from mock_server.domain.tenants import LOCAL_KEY
from mock_server.runtime.runtime import Runtime
from mock_server.store.tables import Sampler, Session
from tests.mutants.archives import DOWNLOAD
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


@mutant(killed_by="no-key-no-entry")
def key_not_needed() -> None:
    """Lets callers in who bring no key."""

    def lenient(authenticate: Callable[..., Any]) -> Callable[..., Any]:
        def authenticates(request: Any) -> Any:
            if "x-api-key" not in request.headers:
                request.scope["headers"] = [*request.scope["headers"], (b"x-api-key", LOCAL_KEY.encode())]
                del request._headers
            return authenticate(request)

        return authenticates

    for module in (json_route, numbered):
        wrapped(module, "authenticate", lenient)


@mutant(killed_by="wrong-key-no-entry")
def any_text_is_a_key() -> None:
    """Takes any text for a key."""
    replaced(call, "valid_key", lambda _: True)


@mutant(killed_by=("lists-show-ones-own", "strangers-see-nothing"))
def one_tenant_for_all() -> None:
    """Gives every key the same world."""
    replaced(call, "tenant_of", lambda _: "0" * 16)


@mutant(killed_by="strangers-see-nothing")
def runs_for_everybody() -> None:
    """Gives strangers another tenant's training runs."""

    def open_to_all(any_status: Callable[..., Any]) -> Callable[..., Any]:
        def finds(tx: Any, _: str, run_id: str) -> Any:
            run = training_runs._row(tx, run_id)
            if run is None:
                raise NotFound(training_runs.unknown(run_id))
            return run

        return finds

    wrapped(training_runs, "any_status", open_to_all)


@mutant(killed_by="strangers-see-nothing")
def sessions_for_everybody() -> None:
    """Gives strangers another tenant's sessions."""
    _by_owner(sessions, "owned", Session)


@mutant(killed_by="strangers-see-nothing")
def samplers_for_everybody() -> None:
    """Lets strangers see another tenant's samplers."""
    _by_owner(samplers, "owned", Sampler)


def _by_owner(module: Any, name: str, table: Any) -> None:
    """Let the rule look a thing up as its owner, whoever asks."""

    def as_owner(owned: Callable[..., Any]) -> Callable[..., Any]:
        def finds(tx: Any, tenant: str, thing_id: str) -> Any:
            row = tx.session.exec(select(table).where(table.id == thing_id)).first()
            return owned(tx, tenant if row is None else row.tenant, thing_id)

        return finds

    wrapped(module, name, as_owner)


@mutant(killed_by="strangers-get-no-results")
def results_for_everybody() -> None:
    """Gives strangers the results of another tenant's operations."""

    def open_found(found: Callable[..., Any]) -> Callable[..., Any]:
        def finds(tx: Any, _: str, operation_id: str) -> Any:
            row = tx.row(operations._FOUND, operation=operation_id)
            return found(tx, "" if row is None else row.tenant, operation_id)

        return finds

    def open_poll(poll: Callable[..., Any]) -> Callable[..., Any]:
        async def polls(self: Runtime, tenant: str, operation_id: str, seconds: float) -> Any:
            live = self.board.get(operation_id)
            return await poll(self, tenant if live is None else live.tenant, operation_id, seconds)

        return polls

    wrapped(operations, "found", open_found)
    wrapped(Runtime, "poll", open_poll)


@mutant(killed_by="strangers-see-nothing")
def checkpoints_for_everybody() -> None:
    """Lets strangers read checkpoints that were never published."""

    def open_readable(readable: Callable[..., Any]) -> Callable[..., Any]:
        def reads(tx: Any, tenant: str, path: Any, reader: str | None = None) -> Any:
            row = checkpoints._at(tx, path)
            return readable(tx, tenant, path, reader if row is None else row.tenant)

        return reads

    wrapped(checkpoints, "readable", open_readable)


@mutant(killed_by="published-stays-its-owners")
def published_means_everybodys() -> None:
    """Lets strangers change what was published only to be read."""
    replaced(checkpoints, "owned", checkpoints.readable)


@mutant(killed_by="strangers-see-nothing")
def forbidden_where_unknown() -> None:
    """Answers 403 of things that exist and are somebody else's, which tells strangers that they exist."""

    def tell(any_status: Callable[..., Any]) -> Callable[..., Any]:
        def finds(tx: Any, tenant: str, run_id: str) -> Any:
            run = training_runs._row(tx, run_id)
            if run is not None and run.tenant != tenant:
                raise Forbidden(f"training run {run_id!r} is not yours")
            return any_status(tx, tenant, run_id)

        return finds

    wrapped(training_runs, "any_status", tell)


@answers("(POST|GET|PUT|DELETE) /.*", killed_by=("key-stands-in-no-error", "answer-tells-no-key"))
def key_repeated_in_errors(answer: Answer) -> None:
    """Repeats the caller's key in its errors, from where it goes to logs."""
    if answer.status == 404:
        answer.replace(detail=f"{answer.json.get('detail')} (key {answer.key})")


def _metadata_of_strangers(row: Any) -> Any:
    return replace(row, is_own=True)


@mutant(killed_by="published-shows-no-metadata")
def metadata_for_everybody() -> None:
    """Shows strangers the private metadata of a run that has a published checkpoint."""
    wrapped(training_runs, "_seen_by", lambda seen: lambda tenant, row: _metadata_of_strangers(seen(tenant, row)))


@mutant(killed_by="strangers-change-nothing")
def sessions_shared() -> None:
    """Lets strangers make runs and samplers in another tenant's session."""
    _by_owner(training_runs, "open_session", Session)
    _by_owner(samplers, "open_session", Session)


@answers(DOWNLOAD, killed_by="address-needs-no-key")
def address_needs_a_key(answer: Answer) -> None:
    """Asks for a key at an address that it signed."""
    if not answer.key:
        answer.refuse(401, "no key")
