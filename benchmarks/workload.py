"""What the clients ask: one small batch, one prompt, and the requests that carry them."""

from __future__ import annotations

from functools import cache

import numpy as np
from tinker.proto import tinker_public_pb2 as pb

from benchmarks.http_client import PROTOBUF, request_bytes

BASE_MODEL = "Qwen/Qwen3-8B"
RANK = 32

# A small batch on purpose: the rows compare servers, and a large one would compare matrix products with nothing.
DATUMS = 4
TOKENS_PER_DATUM = 32
LEARNING_RATE = 1e-4

PROMPT_TOKENS = 500
NEW_TOKENS = 16

PAGE = 20


def batch_tokens(datums: int = DATUMS, length: int = TOKENS_PER_DATUM) -> list[list[int]]:
    """The same pseudo-random ids in every run. Each list: [length + 1] (input and shifted target overlap)."""
    ids = np.random.default_rng(2026).integers(0, 50_000, size=(datums, length + 1))
    return [row.tolist() for row in ids]


def prompt_tokens() -> list[int]:
    """The sampling prompt: [PROMPT_TOKENS] ids."""
    return batch_tokens(1, PROMPT_TOKENS - 1)[0]


def forward_backward_body(model_id: str, seq_id: int) -> bytes:
    """ForwardBackwardRequest with the batch; protobuf messages merge by concatenation, so the batch is made once."""
    return pb.ForwardBackwardRequest(model_id=model_id, seq_id=seq_id).SerializeToString() + _batch_message()


@cache
def _batch_message() -> bytes:
    """The batch as the SDK serialises it: int32 tokens, int64 targets, float32 weights."""
    request = pb.ForwardBackwardRequest(loss_fn="cross_entropy")
    for tokens in batch_tokens():
        datum = request.data.add()
        datum.model_input.add().encoded_text.tokens = np.array(tokens[:-1], dtype="<i4").tobytes()
        targets = datum.loss_fn_inputs["target_tokens"]
        targets.dense = np.array(tokens[1:], dtype="<i8").tobytes()
        targets.dtype = pb.DTYPE_INT64
        targets.shape.append(TOKENS_PER_DATUM)
        weights = datum.loss_fn_inputs["weights"]
        weights.dense = np.ones(TOKENS_PER_DATUM, dtype="<f4").tobytes()
        weights.dtype = pb.DTYPE_FLOAT32
        weights.shape.append(TOKENS_PER_DATUM)
    return request.SerializeToString()


class Requests:
    """The requests of one tenant, as bytes for the wire."""

    def __init__(self, key: str) -> None:
        self.key = key

    def client_config(self) -> bytes:
        return self._post("client/config", {"sdk_version": "0.38.0"})

    def dynamic_config(self) -> bytes:
        return self._post("client/dynamic_config", {"sdk_version": "0.38.0"})

    def capabilities(self) -> bytes:
        return request_bytes("GET", "/api/v1/get_server_capabilities", key=self.key)

    def healthz(self) -> bytes:
        return request_bytes("GET", "/api/v1/healthz", key=self.key)

    def telemetry(self, session_id: str) -> bytes:
        return self._post(
            "telemetry",
            {
                "events": [],
                "platform": "Linux",
                "sdk_version": "0.38.0",
                "session_id": session_id,
                "process_uuid": "00000000-0000-4000-8000-000000000000",
            },
        )

    def create_session(self) -> bytes:
        return self._post(
            "create_session", {"tags": [], "user_metadata": {}, "sdk_version": "0.38.0", "type": "create_session"}
        )

    def heartbeat(self, session_id: str) -> bytes:
        return self._post("session_heartbeat", {"session_id": session_id, "type": "session_heartbeat"})

    def finish(self, session_id: str) -> bytes:
        return self._post(f"sessions/{session_id}/finish", {"reason": {"type": "success"}, "detail": None})

    def create_model(self, session_id: str, model_seq_id: int) -> bytes:
        return self._post(
            "create_model",
            {
                "session_id": session_id,
                "model_seq_id": model_seq_id,
                "base_model": BASE_MODEL,
                "lora_config": {
                    "rank": RANK,
                    "seed": 7,
                    "train_unembed": True,
                    "train_mlp": True,
                    "train_attn": True,
                },
                "optimizer_config": {"type": "adamw"},
                "type": "create_model",
            },
        )

    def get_info(self, model_id: str) -> bytes:
        return self._post("get_info", {"model_id": model_id, "type": "get_info"})

    def forward_backward(self, body: bytes) -> bytes:
        return request_bytes("POST", "/api/v1/forward_backward", key=self.key, body=body)

    def optim_step(self, model_id: str, seq_id: int) -> bytes:
        return self._post(
            "optim_step",
            {
                "model_id": model_id,
                "seq_id": seq_id,
                "type": "optim_step",
                "adam_params": {
                    "learning_rate": LEARNING_RATE,
                    "beta1": 0.9,
                    "beta2": 0.95,
                    "eps": 1e-12,
                    "weight_decay": 0.0,
                    "grad_clip_norm": 0.0,
                },
            },
        )

    def save_weights(self, model_id: str, seq_id: int, name: str) -> bytes:
        return self._post(
            "save_weights",
            {"model_id": model_id, "path": name, "seq_id": seq_id, "overwrite": False, "type": "save_weights"},
        )

    def load_weights(self, session_id: str, model_seq_id: int, path: str) -> bytes:
        return self._post(
            "load_weights",
            {
                "session_id": session_id,
                "model_seq_id": model_seq_id,
                "path": path,
                "optimizer": True,
                "type": "load_weights",
            },
        )

    def save_weights_for_sampler(self, model_id: str, seq_id: int, sampling_session_seq_id: int) -> bytes:
        return self._post(
            "save_weights_for_sampler",
            {
                "model_id": model_id,
                "sampling_session_seq_id": sampling_session_seq_id,
                "kind": "snapshot",
                "seq_id": seq_id,
                "type": "save_weights_for_sampler",
            },
        )

    def sampler(self, sampling_session_id: str) -> bytes:
        return request_bytes("GET", f"/api/v1/samplers/{sampling_session_id}", key=self.key)

    def asample(self, sampling_session_id: str, seq_id: int) -> bytes:
        return self._post(
            "asample",
            {
                "num_samples": 1,
                "prompt": {"chunks": [{"tokens": prompt_tokens(), "type": "encoded_text"}]},
                # The empty stop list switches end-of-text off: every answer has its NEW_TOKENS tokens.
                "sampling_params": {
                    "max_tokens": NEW_TOKENS,
                    "stop": [],
                    "temperature": 1.0,
                    "top_k": -1,
                    "top_p": 1.0,
                },
                "sampling_session_id": sampling_session_id,
                "seq_id": seq_id,
                "prompt_logprobs": False,
                "topk_prompt_logprobs": 0,
                "topk_sample_logprobs": 0,
                "prompt_alt_tokens_k": 0,
                "record_stability_info": False,
                "type": "sample",
            },
        )

    def retrieve(self, request_id: str, *, protobuf: bool = False) -> bytes:
        return request_bytes(
            "POST",
            "/api/v1/retrieve_future",
            key=self.key,
            body={"request_id": request_id, "allow_metadata_only": True},
            accept=PROTOBUF if protobuf else "application/json",
        )

    def training_run(self, run_id: str) -> bytes:
        return request_bytes("GET", f"/api/v1/training_runs/{run_id}?access_scope=owned", key=self.key)

    def checkpoints(self) -> bytes:
        return request_bytes("GET", f"/api/v1/checkpoints?limit={PAGE}&offset=0", key=self.key)

    def _post(self, path: str, body: dict[str, object]) -> bytes:
        return request_bytes("POST", f"/api/v1/{path}", key=self.key, body=body)
