"""The whole application in the test's own event loop, and the life of a run up to its checkpoints."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from mock_server.app import create_app
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.tenants import tenant_of
from mock_server.faults import FaultRule
from mock_server.runtime import Runtime
from mock_server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import FastAPI

    from mock_server.faults import ActiveRule

MODEL = "Qwen/Qwen3-8B"
KEY = "tml-owner"


@dataclass
class LiveApp:
    """A server and a client of it."""

    app: FastAPI
    client: httpx.AsyncClient

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.app.state.runtime
        return runtime

    async def advance(self, seconds: float) -> None:
        """Let so much time pass for everybody, beside what passes by itself."""
        await self.runtime.clocks.advance(EVERYBODY, seconds=seconds)

    def inject(self, effect: Any, phase: str, key: str = KEY, **rule: Any) -> ActiveRule:
        """A fault that strikes this tenant only."""
        parsed = FaultRule.parse({"effect": effect, "phase": phase, **rule})
        active: ActiveRule = self.app.state.faults.add(parsed, tenant_of(key))
        return active

    async def call(self, method: str, path: str, body: object = None, key: str = KEY, **more: Any) -> httpx.Response:
        """A request of the dialect, with a key; without one where that is empty."""
        headers = {**({"X-API-Key": key} if key else {}), **more.pop("headers", {})}
        return await self.client.request(method, f"/api/v1/{path}", json=body, headers=headers, **more)

    async def ask(self, path: str, /, key: str = KEY, **body: Any) -> dict[str, Any]:
        """POST, which must succeed."""
        answer = await self.call("POST", path, body, key)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def result(self, path: str, /, key: str = KEY, **body: Any) -> dict[str, Any]:
        """The result of an operation, whatever it is, however many polls it takes on a busy machine."""
        request = {"request_id": (await self.ask(path, key, **body))["request_id"]}
        while (answer := await self.call("POST", "retrieve_future", request, key)).status_code == 408:
            pass
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def new_run(self, key: str = KEY, base_model: str = MODEL, **lora: Any) -> str:
        """A training run, fresh."""
        session = (await self.ask("create_session", key, tags=[], sdk_version="0.38.0"))["session_id"]
        created = await self.result(
            "create_model",
            key,
            session_id=session,
            model_seq_id=0,
            base_model=base_model,
            lora_config={"rank": 4, "seed": 7} | lora,
        )
        return str(created["model_id"])

    async def save(self, run: str, name: str, seq_id: int, kind: str = "save_weights", **more: Any) -> str:
        """A checkpoint's path."""
        saved = await self.result(kind, model_id=run, path=name, seq_id=seq_id, **more)
        assert "error" not in saved, saved
        return str(saved["path"])


@asynccontextmanager
async def live_app(directory: Path, **settings: Any) -> AsyncIterator[LiveApp]:
    """A server on the directory, with these settings."""
    app = create_app(Settings(data_dir=directory, durability="process", seed=11, **settings))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://served.test:8000") as client:
            yield LiveApp(app, client)
