"""What one tenant has: one of everything that an endpoint can be asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE_MODEL = "Qwen/Qwen3-8B"
TOKENS = [11, 12, 13, 14]


class Tenant(httpx.Client):
    """A new key, and HTTP under it below /api/v1/."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.key = key or f"tml-test-{uuid4().hex}"
        super().__init__(base_url=f"{url}/api/v1/", headers={"X-API-Key": self.key}, timeout=30)

    def result_of(self, accepted: httpx.Response) -> dict[str, Any]:
        """What the operation comes to that this answer promises, a failure included."""
        assert accepted.status_code == 200, accepted.text
        poll = {"request_id": accepted.json()["request_id"]}
        while (answer := self.post("retrieve_future", json=poll)).status_code == 408:
            pass  # a long poll's end
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def did(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer; for an operation its result, which must be a success."""
        answer = self.post(path, json=body)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        if "request_id" in result:
            result = self.result_of(answer)
        assert "error" not in result, result
        return result


@dataclass(frozen=True)
class Belongings:
    """Their ids. Numbers 0 are taken everywhere, seq_ids below 10 too."""

    session_id: str
    run_id: str
    sampler_id: str
    request_id: str
    sample_request_id: str
    name: str
    published: str

    @property
    def path(self) -> str:
        return f"tinker://{self.run_id}/weights/{self.name}"

    @property
    def published_path(self) -> str:
        return f"tinker://{self.run_id}/weights/{self.published}"

    @property
    def sampler_path(self) -> str:
        return f"tinker://{self.run_id}/sampler_weights/{self.name}"


def acquire(tenant: Tenant) -> Belongings:
    """Give the tenant one of everything."""
    session = tenant.did("create_session", {"tags": [], "user_metadata": {"secret": "of its owner"}})["session_id"]
    run = tenant.did("create_model", {"session_id": session, "model_seq_id": 0, "base_model": BASE_MODEL})["model_id"]
    tenant.did("save_weights", {"model_id": run, "seq_id": 1, "path": "private"})
    tenant.did("save_weights", {"model_id": run, "seq_id": 2, "path": "published"})
    tenant.did("save_weights_for_sampler", {"model_id": run, "seq_id": 3, "path": "private"})
    tenant.did("save_weights_external", {"model_id": run, "seq_id": 4, "path": "private"})
    published = f"training_runs/{run}/checkpoints/weights/published/publish"
    assert tenant.post(published).status_code == 204
    step = tenant.post("optim_step", json={"model_id": run, "seq_id": 5}).json()["request_id"]
    sampler = {"session_id": session, "sampling_session_seq_id": 0, "base_model": BASE_MODEL}
    sampler_id = tenant.did("create_sampling_session", sampler)["sampling_session_id"]
    sample = {"sampling_session_id": sampler_id, "seq_id": 0, "prompt": prompt(), "sampling_params": {"max_tokens": 1}}
    asked = tenant.post("asample", json=sample).json()["request_id"]
    return Belongings(session, run, sampler_id, step, asked, "private", "published")


def prompt(tokens: list[int] | None = None) -> dict[str, Any]:
    return {"chunks": [{"type": "encoded_text", "tokens": tokens or TOKENS}]}


def batch(tokens: list[int] | None = None) -> dict[str, Any]:
    """A forward_backward_input in the JSON form of older SDKs."""
    ids = tokens or TOKENS
    targets = {"data": ids[1:], "dtype": "int64", "shape": [len(ids) - 1]}
    weights = {"data": [1.0] * (len(ids) - 1), "dtype": "float32", "shape": [len(ids) - 1]}
    inputs = {"target_tokens": targets, "weights": weights}
    return {"data": [{"model_input": prompt(ids[:-1]), "loss_fn_inputs": inputs}], "loss_fn": "cross_entropy"}
