"""Tinkex's SamplingClient.sample_stream: the body is read whole before any of it is told, and nothing is repeated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from client_tests.tinkex.tinkex import HEADERS, TinkexError

if TYPE_CHECKING:
    from client_tests.tinkex.tinkex import Tinkex


def stream(client: Tinkex, sampler: str, number: int, max_tokens: int = 4) -> list[dict[str, Any]]:
    """The events of one sample, the last of which has the finish_reason."""
    body = {
        "sampling_session_id": sampler,
        "seq_id": number,
        "prompt": {"chunks": [{"tokens": [5, 6], "type": "encoded_text"}]},
        "sampling_params": {"max_tokens": max_tokens, "temperature": 0.0, "stop": []},
        "num_samples": 1,
    }
    headers = {
        **HEADERS,
        "accept": "text/event-stream",
        "x-api-key": client.key,
        "x-idempotency-key": uuid4().hex,
        "x-tinker-request-iteration": str(number),
        "x-tinker-request-type": "StreamSample",
    }
    try:
        answer = httpx.post(f"{client.url}/api/v1/stream_sample", json=body, headers=headers, timeout=60)
    except httpx.TransportError as error:
        raise TinkexError("api_connection", None, str(error)) from error
    if not answer.is_success:
        raise TinkexError("api_status", None, f"HTTP {answer.status_code}", answer.status_code)
    events = [line[5:] for line in answer.text.splitlines() if line.startswith("data:") and "{" in line]
    return [json.loads(event) for event in events]
