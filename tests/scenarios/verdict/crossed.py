"""Exchanges as a journal would have them, with as little as the verdict needs."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from contracts.exchange import Exchange, Request, Response

RUN = "s1:train:0"


class Wire:
    """Makes exchanges, each a second after the one before."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.exchanges: list[Exchange] = []

    def post(
        self, operation: str, body: dict[str, Any], status: int | None, answer: Any = None, **headers: str
    ) -> None:
        """status: None where the client got no answer."""
        number = next(self._numbers)
        json_headers = {"content-type": "application/json"}
        sent = {
            "x-api-key": "tml-x",
            **json_headers,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        request = Request("POST", f"/api/v1/{operation}", headers=sent, body=json.dumps(body).encode())
        said = None
        if status is not None:
            said = Response(status, json_headers, json.dumps({} if answer is None else answer).encode())
        self.exchanges.append(Exchange(number, request, said, float(number), number + 0.5))

    def optim_step(self, seq_id: int, status: int | None = 200, request_id: str = "", rate: float = 1e-3) -> None:
        body = {"model_id": RUN, "seq_id": seq_id, "adam_params": {"learning_rate": rate}, "type": "optim_step"}
        self.post("optim_step", body, status, {"request_id": request_id or f"r{seq_id}"})

    def told(self, request_id: str, answer: dict[str, Any] | None = None) -> None:
        self.post("retrieve_future", {"request_id": request_id}, 200, answer or {"type": "optim_step", "metrics": {}})
