"""Tinkex 0.4.0 as far as the wire knows it: what it sends, byte for byte, and how it reads what comes back.

Hex packages can't be installed from the registries that tests use, so this stands in for the real client. Where that
would crash (FunctionClauseError, BadMapError and their like), this raises Crash. It notes in `slept` how long Tinkex
would have slept, and does not sleep unless it is told how.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NoReturn
from uuid import uuid4

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

HEADERS: Final = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": "AsyncTinkex/Elixir 0.15.0",
    "accept-encoding": "gzip",
    "x-stainless-package-version": "0.15.0",
    "x-stainless-os": "Linux",
    "x-stainless-arch": "x64",
    "x-stainless-runtime": "BEAM",
    "x-stainless-runtime-version": "1.18.4 (OTP 25)",
    "x-stainless-read-timeout": "60.000",
}
QUEUE_STATES: Final = {"active", "paused_rate_limit", "paused_capacity"}
REDIRECTS: Final = {301, 302, 307, 308}


class Crash(Exception):
    """A process of the real Tinkex would die of this answer."""


class TinkexError(Exception):
    """`{:error, %Tinkex.Error{}}`."""

    def __init__(self, kind: str, category: str | None, message: str, status: int | None = None) -> None:
        super().__init__(f"[{kind}/{category}] {message}")
        self.kind, self.category, self.message, self.status = kind, category, message, status

    @property
    def is_the_users(self) -> bool:
        return self.category == "user" or (
            self.status is not None and 400 <= self.status < 500 and self.status not in {408, 410, 429}
        )


def backoff() -> Callable[[], float]:
    """1, 2, 4 ... 30 seconds, the pauses between two polls."""
    pauses = (min(2.0**n, 30.0) for n in count())
    return lambda: next(pauses)


@dataclass
class Tinkex:
    """One ServiceClient. url: TINKER_BASE_URL. wait: what it does for so many seconds whenever Tinkex sleeps."""

    url: str
    key: str
    max_retries: int = 10
    slept: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    wait: Callable[[float], object] = lambda _: None

    def __post_init__(self) -> None:
        self._http = httpx.Client(timeout=60, follow_redirects=False)
        self._samplers, self._models = count(), 0
        self._seq: dict[str, count[int]] = {}
        self._sample_seq: dict[str, count[int]] = {}
        self.session = ""

    def close(self) -> None:
        self._http.close()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.wait(seconds)

    # One call over HTTP (api.ex, api/retry.ex, api/response_handler.ex).

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        retries: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The answer's JSON, after the retries that Tinkex makes."""
        sent = {**HEADERS, "x-api-key": self.key, **(headers or {})}
        if method != "GET":
            sent["x-idempotency-key"] = uuid4().hex
        allowed = self.max_retries if retries is None else retries
        for attempt in count():
            sent["x-stainless-retry-count"] = str(attempt)
            try:
                answer = self._http.request(method, f"{self.url}/api/v1/{path}", json=body, headers=sent)
            except httpx.TransportError as error:
                if attempt >= allowed:
                    raise TinkexError("api_connection", None, str(error)) from error
                self.sleep(0.5 * 2**attempt)
                continue
            if attempt < allowed and self._is_retried(answer, attempt):
                continue
            return self._read(answer)
        raise AssertionError

    def _is_retried(self, answer: httpx.Response, attempt: int) -> bool:
        order = answer.headers.get("x-should-retry")
        if order == "false" or (order is None and answer.status_code < 400):
            return False
        if answer.status_code == 429:
            in_ms, seconds = answer.headers.get("retry-after-ms"), answer.headers.get("retry-after", "")
            self.sleep(int(in_ms) / 1000 if in_ms else float(seconds) if seconds.isdigit() else 1.0)
            return True
        if order == "true" or answer.status_code in {408, 409} or answer.status_code >= 500:
            self.sleep(min(0.5 * 2**attempt, 10.0))
            return True
        return False

    def _read(self, answer: httpx.Response) -> Any:
        status = answer.status_code
        if status in REDIRECTS and "location" in answer.headers:
            return {"url": answer.headers["location"], "status": status, "expires": answer.headers.get("expires")}
        if 200 <= status < 300:
            if not answer.content:
                return {}
            try:
                # Jason knows no NaN.
                return answer.json(parse_constant=_no_constant)
            except ValueError as error:
                raise TinkexError("validation", "user", "JSON decode error") from error
        said = _object(answer)
        message = said.get("message") or said.get("error") or f"HTTP {status}"
        if status == 429:
            raise TinkexError("api_status", "server", said.get("message") or "Rate limited", status)
        category = str(said.get("category", "")).lower()
        if category not in {"user", "server", "unknown"}:
            category = "user" if 400 <= status < 500 else "server"
        raise TinkexError("api_status", category, message, status)

    # Futures (future.ex).

    def poll(self, request_id: str, kind: str, *, polls: int = 50) -> Any:
        """The result of an operation. polls: how many are made before Tinkex's `timeout` is said to be over."""
        pause, whole, empties = backoff(), True, 0
        for number in range(polls):
            headers = {
                "x-stainless-read-timeout": "45.000",
                "x-stainless-raw-response": "raw",
                "x-tinker-request-iteration": str(number),
                "x-tinker-request-type": kind,
            }
            try:
                body = {"request_id": request_id, "allow_metadata_only": whole}
                found = self.call("POST", "retrieve_future", body, retries=0, headers=headers)
            except TinkexError as error:
                if error.kind == "api_connection":
                    self.sleep(pause())
                elif error.status == 400 and error.message == "HTTP 400" and empties < 3:
                    empties += 1
                elif error.status != 408 and (error.status is None or error.status < 500):
                    raise
                last = error
                continue
            last = TinkexError("api_timeout", None, "poll timeout")
            if found.get("status") == "complete_metadata":
                if not whole:
                    raise TinkexError("validation", "user", "complete_metadata twice")
                whole = False
                continue
            result = self._read_future(found, pause)
            if result is not None:
                return result
        raise last

    def _read_future(self, found: dict[str, Any], pause: Callable[[], float]) -> Any:
        """The result; None where there is none yet, the pause having been noted."""
        match found:
            case {"type": "try_again"}:
                self._paused(found, pause)
            case {"status": "pending"}:
                self.sleep(pause())
            case {"status": "completed", "result": result}:
                return result
            case {"status": "failed", "error": {"category": "user", "message": message}}:
                raise TinkexError("request_failed", "user", message)
            case {"status": "failed", "error": {}}:
                self.sleep(pause())
            case {"loss_fn_output_type": _} | {"type": _}:
                return found
            case _:
                raise Crash(f"FunctionClauseError or BadMapError: {found}")
        return None

    def _paused(self, found: dict[str, Any], pause: Callable[[], float]) -> None:
        after = found.get("retry_after_ms")
        if not isinstance(found.get("request_id"), str) or not isinstance(found.get("queue_state"), str):
            raise Crash("FunctionClauseError: try_again without request_id or queue_state")
        if not (after is None or isinstance(after, int)):
            raise Crash("retry_after_ms is no integer")
        paused = found["queue_state"] != "active"
        if paused and found.get("queue_state_reason"):
            self.reasons.append(found["queue_state_reason"])
        self.sleep(after / 1000 if after is not None else 1.0 if paused else pause())

    # Sessions, models, training.

    def start(self) -> str:
        """ServiceClient.start_link."""
        body = {
            "tags": ["tinkex-elixir"],
            "user_metadata": None,
            "sdk_version": "0.15.0",
            "project_id": None,
            "type": "create_session",
        }
        self.session = self.call("POST", "create_session", body)["session_id"]
        return self.session

    def heartbeat(self) -> bool:
        """Whether it was heard. No failure ends a session."""
        try:
            headers = {"x-stainless-read-timeout": "10.000"}
            self.call("POST", "session_heartbeat", {"session_id": self.session}, retries=0, headers=headers)
        except TinkexError:
            return False
        return True

    def create_model(self, rank: int = 4, base_model: str = "Qwen/Qwen3-8B", **lora_config: int | None) -> str:
        """TrainingClient.init; the number is counted on only by `restore`'s caller, as in Tinkex."""
        lora = {"rank": rank, "seed": None, "train_mlp": True, "train_attn": True, "train_unembed": True}
        body = {
            "session_id": self.session,
            "model_seq_id": self._models,
            "base_model": base_model,
            "user_metadata": None,
            "lora_config": {**lora, **lora_config},
            "type": "create_model",
        }
        made = self.call("POST", "create_model", body)
        if "model_id" not in made:
            raise Crash("ArgumentError in TrainingClient.init: no model_id")
        self._seq[made["model_id"]] = count(1)
        return str(made["model_id"])

    def new_model(self, rank: int = 4, *, seed: int | None = None) -> str:
        """create_lora_training_client."""
        model = self.create_model(rank, seed=seed)
        self._models += 1
        return model

    def skip(self, model: str) -> int:
        """Use a seq_id up without sending anything: what a refused input or a raising custom loss does."""
        return next(self._seq[model])

    def submit(self, path: str, kind: str, model: str, body: dict[str, Any], seq_id: int | None = None) -> Any:
        """Send an operation; returns a function that waits for its result."""
        number = next(self._seq[model]) if seq_id is None else seq_id
        accepted = self.call("POST", path, {**body, "model_id": model, "seq_id": number})
        if "request_id" not in accepted:
            raise TinkexError("validation", "user", "no request_id")
        return lambda **more: self.poll(accepted["request_id"], kind, **more)

    def forward_backward(self, model: str, data: list[Any] | None = None, **more: Any) -> Any:
        given = {"data": data or [datum()], "loss_fn": "cross_entropy"}
        return self.submit("forward_backward", "ForwardBackward", model, {"forward_backward_input": given}, **more)

    def forward(self, model: str) -> Any:
        given = {"data": [datum()], "loss_fn": "cross_entropy"}
        return self.submit("forward", "Forward", model, {"forward_input": given})

    def optim_step(self, model: str, learning_rate: float = 1e-3, **more: Any) -> Any:
        adam = {
            "learning_rate": learning_rate,
            "beta1": 0.9,
            "beta2": 0.95,
            "eps": 1e-12,
            "weight_decay": 0.0,
            "grad_clip_norm": 0.0,
        }
        return self.submit("optim_step", "OptimStep", model, {"adam_params": adam}, **more)

    def train(self, model: str, steps: int = 1) -> list[float]:
        """The losses of some steps."""
        losses = []
        for _ in range(steps):
            losses.append(self.forward_backward(model)()["metrics"]["loss:sum"])
            self.optim_step(model)()
        return losses

    def save(self, model: str, name: str, ttl_seconds: int | None = None) -> str:
        body = {"path": name, "ttl_seconds": ttl_seconds, "type": "save_weights"}
        return str(self.submit("save_weights", "SaveWeights", model, body)()["path"])

    def load(self, model: str, path: str, *, optimizer: bool) -> Any:
        body = {"path": path, "optimizer": optimizer, "type": "load_weights"}
        return self.submit("load_weights", "LoadWeights", model, body)()

    def save_for_sampler(self, model: str, name: str | None = None, number: int | None = None) -> Any:
        body = {
            "path": name,
            "sampling_session_seq_id": number,
            "ttl_seconds": None,
            "type": "save_weights_for_sampler",
        }
        return self.submit("save_weights_for_sampler", "SaveWeightsForSampler", model, body)()

    # Sampling.

    def sampler(self, *, base_model: str | None = None, model_path: str | None = None) -> str:
        body = {
            "session_id": self.session,
            "sampling_session_seq_id": next(self._samplers),
            "base_model": base_model,
            "model_path": model_path,
            "type": "create_sampling_session",
        }
        return str(self.call("POST", "create_sampling_session", body)["sampling_session_id"])

    def sample(self, sampler: str, *, retry: bool = True, num_samples: int = 1, **more: Any) -> Any:
        """A result; every retry takes a new seq_id. 429 backs off for all of this client, whatever Retry-After says."""
        numbers = self._sample_seq.setdefault(sampler, count())
        while True:
            number = next(numbers)
            body = {
                "sampling_session_id": sampler,
                "seq_id": number,
                "prompt": {"chunks": [{"tokens": [5, 6, 7], "type": "encoded_text"}]},
                "sampling_params": {"max_tokens": 4, "temperature": 0.0, "top_k": -1, "top_p": 1.0},
                "num_samples": num_samples,
                "topk_prompt_logprobs": 0,
                "type": "sample",
                **more,
            }
            headers = {
                "x-tinker-sampling-backpressure": "1",
                "x-tinker-request-type": "Sample",
                "x-tinker-request-iteration": str(number),
            }
            try:
                accepted = self.call("POST", "asample", body, retries=0, headers=headers)
                found = self.poll(accepted["request_id"], "Sample") if "request_id" in accepted else accepted
            except TinkexError as error:
                if error.status == 429:
                    self.sleep(1.0)
                elif not retry or error.is_the_users:
                    raise
                else:
                    self.sleep(0.5)
                continue
            if not isinstance(found.get("sequences"), list):
                raise Crash("FunctionClauseError: no sequences")
            return found


def datum(length: int = 8) -> dict[str, Any]:
    """A training example as Tinkex writes it: `shape` is left out."""
    tokens = list(range(100, 100 + length + 1))
    return {
        "model_input": {"chunks": [{"tokens": tokens[:-1], "type": "encoded_text"}]},
        "loss_fn_inputs": {
            "target_tokens": {"data": tokens[1:], "dtype": "int64"},
            "weights": {"data": [1.0] * length, "dtype": "float32"},
        },
    }


def checkpoint_route(path: str) -> str:
    """The REST path of a tinker path; :validation for what Tinkex takes for none."""
    found = re.fullmatch(r"tinker://([^/]+)/(weights|sampler_weights)/([^/]+)", path)
    if found is None:
        raise TinkexError("validation", "user", f"Invalid checkpoint path: {path}")
    return "training_runs/{}/checkpoints/{}/{}".format(*found.groups())


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    if not isinstance(said, dict):
        raise Crash("an error's body is JSON, and no object")
    return said


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
