"""A server, an SDK and a tenant for every test that asks for them."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from client_tests.harness.environments import NEWEST
from client_tests.harness.sdk import Runner, Sdk
from client_tests.harness.server import Server, serving
from client_tests.harness.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "trap(number): what a naive server gets wrong, by its number in docs/traps.md")


@pytest.fixture(scope="session")
def server_with() -> Iterator[Callable[..., Server]]:
    """Servers by their settings: `server_with(gap_seconds=1)`. Each is started once and shared by a worker's tests."""
    with ExitStack() as stack:
        started: dict[str, Server] = {}

        def server_with(**settings: Any) -> Server:
            name = repr(sorted(settings.items()))
            if name not in started:
                started[name] = stack.enter_context(serving(settings))
            return started[name]

        yield server_with


@pytest.fixture(scope="session")
def server(server_with: Callable[..., Server]) -> Server:
    """The server with its default settings."""
    return server_with()


@pytest.fixture(scope="session")
def runner_of() -> Iterator[Callable[[str], Runner]]:
    """Runners of client programs by the SDK's version."""
    with ExitStack() as stack:

        @cache
        def runner_of(version: str) -> Runner:
            runner = Runner(version)
            stack.callback(runner.close)
            return runner

        yield runner_of


@pytest.fixture
def key() -> str:
    """An API key that no other test has: a tenant of its own."""
    return f"tml-test-{uuid4().hex}"


@pytest.fixture
def sdk(request: pytest.FixtureRequest, server: Server, runner_of: Callable[[str], Runner], key: str) -> Sdk:
    """The newest SDK as a new tenant; `parametrize("sdk", [versions], indirect=True)` takes others."""
    return Sdk(runner_of(getattr(request, "param", NEWEST)), server.url, key)


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    """A proxy before the server, to see and to spoil what crosses: `sdk.at(wire.url)`."""
    with Wire(server.url) as wire:
        yield wire


@pytest.fixture
def http(server: Server, key: str) -> Iterator[httpx.Client]:
    """Raw HTTP of the same tenant, for what the SDK can't show."""
    with httpx.Client(base_url=f"{server.url}/api/v1/", headers={"X-API-Key": key}, timeout=60) as client:
        yield client
