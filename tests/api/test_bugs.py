"""A bug of our own becomes an answer with an id that the log explains, and never a hang."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.domain import sessions
from mock_server.runtime import sampling
from mock_server.toy_model import Decoder, TrainingState
from tests.api.belongings import Tenant, acquire, batch, prompt

if TYPE_CHECKING:
    from tests.api.conftest import ServedApp


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("a bug")


def error_id_of(message: str) -> str:
    found = re.search(r"internal error (\w+): the server's log explains it under this id", message)
    assert found is not None, message
    return found[1]


def test_a_bug_in_a_request_is_a_500_with_an_id(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sessions, "page", broken)
    answer = tenant.get("sessions")
    assert answer.status_code == 500
    body = answer.json()
    assert (body["category"], body["error"], body["retryable"]) == ("server", "internal_error", True)
    error_id = error_id_of(body["message"])
    assert body["error_id"] == error_id
    explained = [record for record in caplog.records if error_id in record.getMessage()]
    assert explained
    assert explained[0].exc_info is not None
    assert explained[0].exc_info[0] is ZeroDivisionError
    assert "a bug" not in answer.text


@pytest.mark.parametrize("kind", ["forward_backward", "optim_step", "save_weights"])
def test_a_bug_in_an_operation_is_its_failure_and_the_run_goes_on(
    kind: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mine = acquire(tenant)
    body: dict[str, Any] = {"model_id": mine.run_id, "seq_id": 6}
    body |= {"forward_backward_input": batch()} if kind == "forward_backward" else {}
    body |= {"path": "broken"} if kind == "save_weights" else {}
    with monkeypatch.context() as patched:
        patched.setattr(TrainingState, "dump" if kind == "save_weights" else kind, broken)
        failed = tenant.result_of(tenant.post(kind, json=body))
    assert failed["category"] == "server"
    error_id = error_id_of(failed["error"])
    assert any(error_id in record.getMessage() and record.levelno == logging.ERROR for record in caplog.records)
    assert "metrics" in tenant.did("optim_step", {"model_id": mine.run_id, "seq_id": 7})


def test_a_bug_in_sampling_fails_the_sample_and_no_other(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mine = acquire(tenant)
    sample = {"sampling_session_id": mine.sampler_id, "prompt": prompt(), "sampling_params": {"max_tokens": 2}}
    with monkeypatch.context() as patched:
        patched.setattr(Decoder, "step", broken)
        failed = tenant.result_of(tenant.post("asample", json={**sample, "seq_id": 5}))
    assert failed["category"] == "server"
    assert error_id_of(failed["error"]) in caplog.text
    assert len(tenant.result_of(tenant.post("asample", json={**sample, "seq_id": 6}))["sequences"]) == 1


def test_a_base_model_that_can_not_be_made_fails_what_needs_it(
    tenant: Tenant, served: ServedApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = acquire(tenant)
    monkeypatch.setattr(sampling, "base_model", broken)
    body = {"session_id": mine.session_id, "sampling_session_seq_id": 3, "base_model": "Qwen/Qwen3-32B"}
    sampler = tenant.did("create_sampling_session", body)["sampling_session_id"]
    failed = tenant.result_of(
        tenant.post("asample", json={"sampling_session_id": sampler, "seq_id": 0, "prompt": prompt()})
    )
    assert failed["category"] == "server"
