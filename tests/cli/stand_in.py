"""The command line with a stand-in for the app: requests that wait as long as a test needs them to wait."""

from __future__ import annotations

import asyncio
import sys
import types
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mock_server.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """An app with a long poll that ends with the server, and a request that nothing ends."""
    released = asyncio.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.begin_shutdown = released.set
        yield
        (settings.data_dir / "closed").touch()

    app = FastAPI(lifespan=lifespan)

    @app.get("/poll")
    async def poll() -> str:
        await released.wait()
        return "released"

    @app.get("/stuck")
    async def stuck() -> None:
        await asyncio.sleep(3600)

    return app


if __name__ == "__main__":
    stand_in = types.ModuleType("mock_server.app")
    stand_in.create_app = create_app  # type: ignore[attr-defined]
    sys.modules["mock_server.app"] = stand_in
    from mock_server.cli import main

    main()
