"""What was acknowledged will happen, also when the server is killed the moment that the client reads the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.crash.ledger import differences, ledger, litter
from client_tests.crash.victim import Victim

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "tml-crash-acknowledged"
MODEL = "Qwen/Qwen3-8B"
TOKENS = list(range(100, 124))


class Client:
    """Raw HTTP, which knows the very moment of an answer."""

    def __init__(self, victim: Victim, after_answer: Callable[[], None]) -> None:
        self._victim = victim
        self._after_answer = after_answer
        self.session = self.post("create_session", sdk_version="0.24.0", tags=[], type="create_session")["session_id"]
        self.run = ""

    def post(self, endpoint: str, /, **body: Any) -> dict[str, Any]:
        # A connection of its own: none survives the server.
        answer = httpx.post(
            f"{self._victim.url}/api/v1/{endpoint}", json=body, headers={"X-API-Key": KEY, **AGENT}, timeout=60
        )
        return answer.raise_for_status().json()  # type: ignore[no-any-return]

    def submit(self, endpoint: str, /, **body: Any) -> str:
        """Submit an operation; after its acknowledgement, whatever happens to the server happens."""
        request_id: str = self.post(endpoint, **body)["request_id"]
        self._after_answer()
        return request_id

    def outcome(self, request_id: str) -> dict[str, Any]:
        while (answer := self.post("retrieve_future", request_id=request_id)).get("type") == "try_again":
            pass
        return answer

    def result(self, request_id: str) -> dict[str, Any]:
        answer = self.outcome(request_id)
        assert "error" not in answer, answer
        return answer

    def backward(self, seq_id: int, tokens: list[int]) -> str:
        def tensor(data: list[Any], dtype: str) -> dict[str, Any]:
            return {"data": data, "dtype": dtype, "shape": [len(data)]}

        inputs = {
            "target_tokens": tensor(tokens[1:], "int64"),
            "weights": tensor([1.0] * (len(tokens) - 1), "float32"),
        }
        datum = {
            "model_input": {"chunks": [{"type": "encoded_text", "tokens": tokens[:-1]}]},
            "loss_fn_inputs": inputs,
        }
        batch = {"data": [datum] * 4, "loss_fn": "cross_entropy"}
        return self.submit("forward_backward", model_id=self.run, seq_id=seq_id, forward_backward_input=batch)


AGENT = {"User-Agent": "AsyncTinker/Python 0.24.0"}


def program(client: Client) -> list[str]:
    """Every kind of operation, each submitted before the one before it is known to be done; returns their results."""
    submitted = [
        client.submit(
            "create_model",
            session_id=client.session,
            model_seq_id=0,
            base_model=MODEL,
            lora_config={"rank": 4, "seed": 7},
        )
    ]
    client.run = client.result(submitted[0])["model_id"]
    run = {"model_id": client.run}
    submitted += [
        client.backward(1, TOKENS),
        client.submit("optim_step", **run, seq_id=2, adam_params={"learning_rate": 1e-3}),
        client.submit("save_weights", **run, seq_id=3, path="first"),
        client.backward(4, TOKENS[4:]),
        client.submit("optim_step", **run, seq_id=5, adam_params={"learning_rate": 1e-3}),
        client.submit("load_weights", **run, seq_id=6, path=f"tinker://{client.run}/weights/first", optimizer=True),
        client.submit("optim_step", **run, seq_id=7, adam_params={"learning_rate": 1e-3}),
        client.submit("save_weights_for_sampler", **run, seq_id=8, sampling_session_seq_id=0),
    ]
    sampler = client.result(submitted[-1])["sampling_session_id"]
    asked = {
        "sampling_session_id": sampler,
        "prompt": {"chunks": [{"type": "encoded_text", "tokens": TOKENS}]},
        "num_samples": 2,
        "sampling_params": {"max_tokens": 8, "stop": [], "temperature": 1.0},
    }
    copy = client.submit(
        "load_weights", session_id=client.session, model_seq_id=1, path=f"tinker://{client.run}/weights/first",
        optimizer=True,
    )  # fmt: skip
    submitted += [
        client.submit("asample", **asked, seq_id=0),
        copy,
        client.submit("save_weights", **run, seq_id=9, path="end"),
        client.submit("unload_model", **run),
    ]
    return [json.dumps(client.result(request)) for request in submitted]


@pytest.mark.timeout(240)
def test_killed_after_each_acknowledgement_it_keeps_every_promise(tmp_path: Path) -> None:
    results = {}
    for name in ("killed", "undisturbed"):
        directory = tmp_path / name
        directory.mkdir()
        with Victim(directory) as victim:
            client = Client(victim, victim.restart if name == "killed" else lambda: None)
            results[name] = program(client)
            victim.stop()
            assert "Traceback" not in victim.log()
            assert not litter(victim.data)
    assert results["killed"] == results["undisturbed"]
    assert not differences(ledger(tmp_path / "killed" / "data"), ledger(tmp_path / "undisturbed" / "data"))
