"""The application behind a real socket, in the test's own process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pydantic import ByteSize

from client_tests.harness import in_thread
from mock_server.app import create_app
from mock_server.settings import Settings
from tests.api.belongings import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI


@dataclass(frozen=True)
class ServedApp:
    """An app that is being served at `url`."""

    app: FastAPI
    url: str


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApp]:
    """One app for all tests: each is its own tenant. A gap is given up at once, a poll soon."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        durability="process",
        gap_seconds=0,
        poll_seconds=1,
        max_body_bytes=ByteSize(4 << 20),
    )
    app = create_app(settings)
    with in_thread.served(app, lifespan=True) as url:
        yield ServedApp(app, url)


@pytest.fixture
def tenant(served: ServedApp) -> Iterator[Tenant]:
    with Tenant(served.url) as tenant:
        yield tenant


@pytest.fixture
def stranger(served: ServedApp) -> Iterator[Tenant]:
    with Tenant(served.url) as stranger:
        yield stranger
