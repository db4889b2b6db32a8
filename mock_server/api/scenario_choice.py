"""Lets a client choose its scenario by a header or by its API key, before anything acts on its request."""

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from mock_server.api.errors import error_response
from mock_server.head import header
from mock_server.scenarios import NoScenario, Stage
from mock_server.scenarios.stage import KEY_PREFIX

HEADER: Final = "x-tinker-mock-scenario"
_HEADER: Final = HEADER.encode()


class ScenarioChoice:
    """Pure ASGI, around the faults: what a scenario does to requests it may do to the first one."""

    def __init__(self, app: ASGIApp, stage: Stage, tenant_of: Callable[[str], str | None]) -> None:
        """`tenant_of` names the tenant of an X-API-Key header."""
        self._app = app
        self._stage = stage
        self._tenant_of = tenant_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/v1/"):
            key, chosen = header(scope, b"x-api-key", ""), header(scope, _HEADER)
            if chosen is not None or self._stage.everybodys is not None or key.startswith(KEY_PREFIX):
                tenant = self._tenant_of(key)
                try:
                    if tenant is not None:
                        await self._stage.invite(tenant, key, chosen)
                except NoScenario as none:
                    by = "the API key" if chosen is None else f"the header {HEADER}"
                    message = f"{by} chooses what this server plays, but {none}"
                    await error_response(400, "no_scenario", message)(scope, receive, send)
                    return
        await self._app(scope, receive, send)
