"""Exchanges made up by tests, and what the observer says of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from contracts.exchange import Exchange, Request, Response
from contracts.observer import Observer
from contracts.observer.described import Described

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from _pytest.mark import ParameterSet

    from contracts.verdicts import Finding

KEY: Final = "tml-made-for-tests"
RUN: Final = "s:train:0"
SAVED: Final = f"tinker://{RUN}/weights/a"
SAVED_URL: Final = f"training_runs/{RUN}/checkpoints/weights/a"
PROTOBUF: Final = "application/x-protobuf"


def asked(
    operation: str,
    body: Any = None,
    answer: Any = None,
    *,
    method: str = "POST",
    status: int = 200,
    sent: Mapping[str, str | None] | None = None,
    named: Mapping[str, str] | None = None,
    at: float = -1,
    took: float = 0.1,
) -> Exchange:
    """One exchange below /api/v1. body, answer: JSON, or bytes as they are. A header that is None is left out.

    status 0: no answer. at: when it was sent; by default long after the one before.
    """
    path, _, query = operation.partition("?")
    given: dict[str, str | None] = {"x-api-key": KEY, "content-type": "application/json", **(sent or {})}
    if method != "GET":
        given = {"x-idempotency-key": "", **given}
    headers = {name: value for name, value in given.items() if value is not None}
    request = Request(method, f"/api/v1/{path}", query, headers, _bytes(body))
    response = None
    if status:
        response = Response(status, {"content-type": "application/json", **(named or {})}, _bytes(answer))
    return Exchange(0, request, response, at, took)


def got(operation: str, answer: Any = None, **more: Any) -> Exchange:
    """A GET."""
    return asked(operation, None, answer, method="GET", **more)


def _bytes(value: Any) -> bytes:
    if value is None:
        return b""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def step(number: int, rate: float = 0.1, *, request_id: str = "", run: str = RUN, **more: Any) -> Exchange:
    """An optim_step; accepted unless a status says otherwise."""
    body = {"model_id": run, "seq_id": number, "adam_params": {"learning_rate": rate}, "type": "optim_step"}
    answer = {"request_id": request_id or f"r{number}", "model_id": run}
    return asked("optim_step", body, more.pop("answer", answer), **more)


def poll(request_id: str, answer: Any = None, **more: Any) -> Exchange:
    """A retrieve_future."""
    body = {"request_id": request_id, "allow_metadata_only": more.pop("metadata", True)}
    return asked("retrieve_future", body, answer, **more)


def stepped(number: int, **more: Any) -> Exchange:
    """The poll that tells the end of an optim_step."""
    return poll(f"r{number}", {"metrics": {}, "type": "optim_step"}, **more)


def sample(number: int = 0, count: int = 1, answer: Any = None, **more: Any) -> Exchange:
    """An asample."""
    body = {
        "sampling_session_id": "s:sample:0",
        "seq_id": number,
        "num_samples": count,
        "prompt": {"chunks": [{"tokens": [1, 2], "type": "encoded_text"}]},
        "sampling_params": {"max_tokens": 3},
    }
    ids = [f"q{n}" for n in range(count)]
    return asked("asample", body, answer or {"request_id": f"a{number}", "sample_sequence_ids": ids}, **more)


def judged(exchanges: Sequence[Exchange]) -> list[Finding]:
    """What is found, each exchange in its turn and a hundred seconds after the last unless it has a time."""
    observer, found = Observer(Described()), []
    for number, exchange in enumerate(exchanges, 1):
        started = 100.0 * number if exchange.started < 0 else exchange.started
        headers = dict(exchange.request.headers)
        if headers.get("x-idempotency-key") == "":
            headers["x-idempotency-key"] = f"key {number}"
        request = replace(exchange.request, headers=headers)
        found += observer.see(
            replace(exchange, number=number, request=request, started=started, ended=started + exchange.ended)
        )
    return found


def breaks(check: str, bad: Sequence[Exchange], good: Sequence[Exchange]) -> ParameterSet:
    """An example for a check: what it must catch, and what is like that and right."""
    return pytest.param(check, bad, good, id=check, marks=pytest.mark.breaks(check))


def must_catch(check: str, bad: Sequence[Exchange], good: Sequence[Exchange]) -> None:
    """Fail unless the check fails for the bad exchanges, saying why, and speaks of the good ones and passes."""
    failed = [finding for finding in judged(bad) if finding.check == check and not finding.passed]
    assert failed, f"{check} does not catch {[str(each) for each in bad]}"
    assert all(finding.evidence and finding.exchanges for finding in failed)
    found = [finding for finding in judged(good) if finding.check == check]
    assert found, f"{check} says nothing of {[str(each) for each in good]}"
    assert [finding.evidence for finding in found if not finding.passed] == []
