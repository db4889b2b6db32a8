"""A store in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mock_server.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "data", durability="process", seed=7)
    yield opened
    opened.close()
