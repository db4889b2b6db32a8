"""A request that is refused has used up its seq_id: the run goes on with the next one at once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import ByteSize

from client_tests.harness.in_thread import served
from mock_server.app import create_app
from mock_server.codec import salvage_header
from mock_server.codec.schema import messages
from mock_server.settings import Settings
from tests.api.belongings import BASE_MODEL, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that holds a gap open for longer than any test waits."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        durability="process",
        gap_seconds=600,
        poll_seconds=5,
        max_body_bytes=ByteSize(1 << 20),
    )
    with served(create_app(settings), lifespan=True) as url:
        yield url


@pytest.fixture
def tenant(patient: str) -> Iterator[Tenant]:
    with Tenant(patient) as tenant:
        yield tenant


@pytest.fixture
def run(tenant: Tenant) -> str:
    session = tenant.did("create_session", {"tags": []})["session_id"]
    created = tenant.did("create_model", {"session_id": session, "model_seq_id": 0, "base_model": BASE_MODEL})
    return str(created["model_id"])


def batch_of(run: str, seq_id: int) -> bytes:
    content: bytes = (
        messages().ForwardBackwardRequest(model_id=run, seq_id=seq_id, loss_fn="x" * 99).SerializeToString()
    )
    return content


REFUSED: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "a bad name": ("save_weights", JSON, lambda run: {"model_id": run, "seq_id": 1, "path": "a/b"}),
    "an empty name": ("save_weights", JSON, lambda run: {"model_id": run, "seq_id": 1, "path": ""}),
    "a bad lifetime": ("save_weights", JSON, lambda run: {"model_id": run, "seq_id": 1, "path": "a", "ttl_seconds": 1}),
    "a bad path": ("load_weights", JSON, lambda run: {"model_id": run, "seq_id": 1, "path": "x", "optimizer": True}),
    "a wrong type": ("optim_step", JSON, lambda run: {"model_id": run, "seq_id": 1, "adam_params": "fast"}),
    "a missing field": ("load_weights", JSON, lambda run: {"model_id": run, "seq_id": 1}),
    "NaN": ("optim_step", JSON, lambda run: f'{{"model_id": "{run}", "seq_id": 1, "adam_params": {{"beta1": NaN}}}}'),
    "half a body": ("optim_step", JSON, lambda run: f'{{"model_id": "{run}", "seq_id": 1, "adam_par'),
    "a batch without input": ("forward_backward", JSON, lambda run: {"model_id": run, "seq_id": 1}),
    "half a protobuf": ("forward_backward", PROTOBUF, lambda run: batch_of(run, 1)[:-9]),
}


def post(tenant: Tenant, path: str, content_type: str, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    return tenant.post(path, content=content, headers={"content-type": content_type})


@pytest.mark.parametrize("name", REFUSED)
def test_the_next_request_does_not_wait_for_a_refused_one(tenant: Tenant, run: str, name: str) -> None:
    path, content_type, make = REFUSED[name]
    for _ in range(2):  # a repeat is refused in the same way
        refused = post(tenant, path, content_type, make(run))
        assert refused.status_code in {400, 422}, refused.text
    began = time.monotonic()
    assert "metrics" in tenant.did("optim_step", {"model_id": run, "seq_id": 2})
    assert time.monotonic() - began < 3


def test_refusals_among_waiting_requests_let_them_go(tenant: Tenant, run: str) -> None:
    later = tenant.post("optim_step", json={"model_id": run, "seq_id": 4}).json()["request_id"]
    for seq_id in (3, 1):
        assert tenant.post("save_weights", json={"model_id": run, "seq_id": seq_id, "path": "/"}).status_code == 400
    assert "metrics" in tenant.did("optim_step", {"model_id": run, "seq_id": 2})
    assert "metrics" in tenant.did("retrieve_future", {"request_id": later})


def test_a_stranger_can_not_use_up_numbers(tenant: Tenant, run: str, patient: str) -> None:
    with Tenant(patient) as stranger:
        assert stranger.post("save_weights", json={"model_id": run, "seq_id": 1, "path": "/"}).status_code == 400
    assert "metrics" in tenant.did("optim_step", {"model_id": run, "seq_id": 1})


def test_a_conflict_leaves_the_number_to_the_first(tenant: Tenant, run: str) -> None:
    later = tenant.post("optim_step", json={"model_id": run, "seq_id": 2}).json()
    assert tenant.post("optim_step", json={"model_id": run, "seq_id": 2, "adam_params": {}}).json() == later
    other = {"model_id": run, "seq_id": 2, "adam_params": {"learning_rate": 1.0}}
    assert tenant.post("optim_step", json=other).status_code == 409
    assert "metrics" in tenant.did("optim_step", {"model_id": run, "seq_id": 1})
    assert "metrics" in tenant.did("retrieve_future", {"request_id": later["request_id"]})


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", JSON),
        (b"[]", JSON),
        (b"\xff", JSON),
        (b'{"model_id": 1, "seq_id": 1}', JSON),
        (b'{"model_id": "a", "seq_id": "1"}', JSON),
        (b'{"model_id": "a", "seq_id": true}', JSON),
        (b'{"model_id": "a", "seq_id": -1}', JSON),
        (b'{"model_id": "a"}', JSON),
        (b"", PROTOBUF),
        (b"\x0a", PROTOBUF),
        (b"\x0a\xff\xff", PROTOBUF),
        (b"\x0a\x01\xff\x10\x01", PROTOBUF),
        (b"\x10\x01", PROTOBUF),
        (b"\xff" * 99, PROTOBUF),
    ],
)
def test_what_tells_no_number_is_not_salvaged(body: bytes, content_type: str) -> None:
    assert salvage_header(body, content_type) is None


@pytest.mark.parametrize("seq_id", [1, 127, 128, 2**31 - 1])
def test_the_head_of_a_damaged_batch_is_salvaged(seq_id: int) -> None:
    header = salvage_header(batch_of("session:train:0", seq_id)[:-50], PROTOBUF)
    assert header is not None
    assert (header.model_id, header.seq_id) == ("session:train:0", seq_id)
