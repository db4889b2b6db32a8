"""Every endpoint of the Tinker dialect with a good request, so that a table of tests can forget none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.api.belongings import BASE_MODEL, Belongings, batch, prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

Whose = Literal["nobody's", "private", "filtered", "own"]


@dataclass(frozen=True)
class Endpoint:
    """path: the route's template below /api/v1.  body: a good one; None where there is none.

    whose: what its ids name. "private" things are 404 to strangers; "filtered" answers hold only what the caller may
    see; "nobody's" and "own" take no id of anybody else.
    """

    method: str
    path: str
    whose: Whose
    body: Callable[[Belongings], dict[str, Any]] | None = None
    query: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, of: Belongings) -> str:
        kind = "external_weights" if self.path.endswith("external_weights_urls") else "weights"
        filled = self.path
        for name, value in {
            "{run_id}": of.run_id,
            "{session_id}": of.session_id,
            "{sampler_id}": of.sampler_id,
            "{kind}": kind,
            "{name}": of.name,
            "{file}": "archive.tar",
        }.items():
            filled = filled.replace(name, value)
        return f"{filled}?{self.query}" if self.query else filled

    def send(self, client: httpx.Client, of: Belongings, **options: Any) -> httpx.Response:
        """A good request for these belongings; `options` replace what httpx is given."""
        if self.body is not None and not options.keys() & {"content", "json"}:
            options["json"] = self.body(of)
        return client.request(self.method, self.url(of), **options)


def node(name: str, op: str, target: str, *args: Any) -> dict[str, Any]:
    """One node of a traced loss."""
    return {"op": op, "name": name, "target": target, "args": list(args), "kwargs": {}}


ONE: Final = "training_runs/{run_id}/checkpoints/{kind}/{name}"

ENDPOINTS: Final = (
    # Nothing of anybody in particular.
    Endpoint("GET", "healthz", "nobody's"),
    Endpoint("GET", "get_server_capabilities", "nobody's"),
    Endpoint("POST", "client/config", "nobody's", lambda _: {"sdk_version": "0.38.0"}),
    Endpoint("POST", "client/dynamic_config", "nobody's", lambda _: {"sdk_version": "0.38.0"}),
    Endpoint("POST", "auth/token", "own"),
    Endpoint("GET", "auth/apikey/me", "own"),
    Endpoint("GET", "audit", "own"),
    Endpoint(
        "GET",
        "billing/usage/events",
        "own",
        query="starting_on=2026-07-13T00:00:00Z&ending_before=2026-07-14T00:00:00Z",
    ),
    Endpoint("GET", "billing/usage/checkpoints/current", "own"),
    Endpoint(
        "POST", "telemetry", "own", lambda b: {"events": [{"event": "SESSION_START"}], "session_id": b.session_id}
    ),
    # Sessions.
    Endpoint(
        "POST", "create_session", "own", lambda _: {"tags": ["a"], "user_metadata": {"a": 1}, "display_name": "name"}
    ),
    Endpoint("POST", "session_heartbeat", "private", lambda b: {"session_id": b.session_id}),
    Endpoint("GET", "sessions", "filtered"),
    Endpoint("GET", "sessions/{session_id}", "private"),
    Endpoint("POST", "sessions/{session_id}/finish", "private", lambda _: {"reason": {"type": "success"}}),
    Endpoint(
        "POST", "sessions/search", "filtered", lambda b: {"session_id": b.session_id, "statuses": [{"type": "active"}]}
    ),
    Endpoint("PUT", "sessions/{session_id}/project", "private", lambda _: {"project_id": "p"}),
    Endpoint("GET", "sessions/{session_id}/trace_export", "private"),
    # Models and training.
    Endpoint(
        "POST",
        "create_model",
        "private",
        lambda b: {
            "session_id": b.session_id,
            "model_seq_id": 1,
            "base_model": BASE_MODEL,
            "user_metadata": {"a": "b"},
            "lora_config": {"rank": 4, "seed": 1, "train_mlp": True},
            "optimizer_config": {"type": "adamw"},
        },
    ),
    Endpoint("POST", "get_info", "private", lambda b: {"model_id": b.run_id}),
    Endpoint(
        "POST",
        "forward_backward",
        "private",
        lambda b: {"model_id": b.run_id, "seq_id": 10, "forward_backward_input": batch()},
    ),
    Endpoint("POST", "forward", "private", lambda b: {"model_id": b.run_id, "seq_id": 11, "forward_input": batch()}),
    Endpoint(
        "POST",
        "optim_step",
        "private",
        lambda b: {"model_id": b.run_id, "seq_id": 12, "adam_params": {"learning_rate": 1e-4, "beta1": 0.9}},
    ),
    Endpoint("POST", "unload_model", "private", lambda b: {"model_id": b.run_id}),
    # Weights.
    Endpoint(
        "POST",
        "save_weights",
        "private",
        lambda b: {"model_id": b.run_id, "seq_id": 13, "path": "new", "ttl_seconds": 7200, "user_metadata": {"a": 1}},
    ),
    Endpoint(
        "POST",
        "save_weights_for_sampler",
        "private",
        lambda b: {"model_id": b.run_id, "seq_id": 14, "sampling_session_seq_id": 7, "kind": "snapshot"},
    ),
    Endpoint("POST", "save_weights_external", "private", lambda b: {"model_id": b.run_id, "seq_id": 16, "path": "out"}),
    Endpoint(
        "POST",
        "load_weights",
        "private",
        lambda b: {"model_id": b.run_id, "seq_id": 15, "path": b.path, "optimizer": True},
    ),
    Endpoint("POST", "weights_info", "private", lambda b: {"tinker_path": b.path}),
    Endpoint(
        "POST",
        "copy_weights",
        "private",
        lambda b: {"source_path": b.path, "session_id": b.session_id, "model_seq_id": 5, "ttl_seconds": 7200},
    ),
    Endpoint(
        "POST",
        "create_custom_loss",
        "private",
        lambda b: {
            "session_id": b.session_id,
            "custom_loss_seq_id": 0,
            "name": "total",
            "inputs": [{"name": "logprobs", "rank": 1}],
            "graph": {
                "format": 1,
                "nodes": [
                    node("logprobs", "placeholder", "logprobs"),
                    node("loss", "call_function", "torch.sum", {"ref": "logprobs"}),
                    node("output", "output", "output", {"tuple": [{"ref": "loss"}, {"dict": {}}]}),
                ],
            },
        },
    ),
    # Sampling.
    Endpoint(
        "POST",
        "create_sampling_session",
        "private",
        lambda b: {"session_id": b.session_id, "sampling_session_seq_id": 8, "model_path": b.path},
    ),
    Endpoint("GET", "samplers", "filtered"),
    Endpoint("GET", "samplers/{sampler_id}", "private"),
    Endpoint("POST", "join_sampling_session", "private", lambda b: {"sampling_session_id": b.sampler_id}),
    Endpoint(
        "POST",
        "asample",
        "private",
        lambda b: {
            "sampling_session_id": b.sampler_id,
            "seq_id": 1,
            "num_samples": 1,
            "prompt": prompt(),
            "sampling_params": {"max_tokens": 2, "stop": ["\n"], "temperature": 0.5, "top_k": 3, "top_p": 0.9},
            "prompt_logprobs": True,
            "topk_prompt_logprobs": 2,
            "topk_sample_logprobs": 2,
        },
    ),
    Endpoint(
        "POST",
        "stream_sample",
        "private",
        lambda b: {
            "sampling_session_id": b.sampler_id,
            "seq_id": 2,
            "num_samples": 1,
            "prompt": prompt(),
            "sampling_params": {"max_tokens": 2},
        },
    ),
    # Futures.
    Endpoint("POST", "retrieve_future", "private", lambda b: {"request_id": b.request_id}),
    Endpoint(
        "POST",
        "retrieve_futures",
        "private",
        lambda b: {
            "target": {"type": "sampling_session", "sampling_session_id": b.sampler_id, "cloned_sampler_id": 0},
            "prev_cursor": 0,
            "timeout": 0.0,
            "retrieved_request_ids": [b.sample_request_id],
        },
    ),
    Endpoint("POST", "cancel_future", "private", lambda b: {"request_id": b.sample_request_id}),
    # Training runs and checkpoints.
    Endpoint("GET", "training_runs", "filtered"),
    Endpoint("GET", "training_runs/{run_id}", "private"),
    Endpoint("GET", "checkpoints", "filtered"),
    Endpoint("GET", "training_runs/{run_id}/checkpoints", "filtered"),
    Endpoint("GET", "models/{run_id}/checkpoints", "filtered"),
    Endpoint("GET", ONE, "private"),
    Endpoint("GET", f"{ONE}/archive", "private"),
    Endpoint("GET", f"{ONE}/external_weights_urls", "private"),
    Endpoint("PUT", f"{ONE}/ttl", "private", lambda _: {"ttl_seconds": 7200}),
    Endpoint("POST", f"{ONE}/publish", "private"),
    Endpoint("DELETE", f"{ONE}/publish", "private"),
    Endpoint("DELETE", ONE, "private"),
    # Takes no key at all: the signature in the address says what may be loaded (tests of archives).
    Endpoint("GET", "downloads/{run_id}/{kind}/{name}/{file}", "own"),
    Endpoint("GET", "downloads/traces/{session_id}", "own"),
    Endpoint("HEAD", "downloads/{run_id}/{kind}/{name}/{file}", "own"),
    # The last, since the key opens nothing behind it.
    Endpoint("DELETE", "auth/apikey/me", "own"),
)

WITH_BODY: Final = tuple(endpoint for endpoint in ENDPOINTS if endpoint.body is not None)
