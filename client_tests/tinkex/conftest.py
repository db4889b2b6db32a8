"""Tinkex as a new tenant, straight at the server and through a wire that can spoil what crosses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client_tests.tinkex.tinkex import Tinkex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_tests.harness.server import Server
    from client_tests.harness.wire import Wire


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tinkex(*lines): lines of the list in lines.py that the test is about")


@pytest.fixture
def tinkex(server: Server, key: str) -> Iterator[Tinkex]:
    """A ServiceClient with a session."""
    client = Tinkex(server.url, key)
    client.start()
    yield client
    client.close()


@pytest.fixture
def spoilt(wire: Wire, key: str) -> Iterator[Tinkex]:
    """The same behind the wire, with two HTTP retries."""
    client = Tinkex(wire.url, key, max_retries=2)
    client.start()
    yield client
    client.close()
