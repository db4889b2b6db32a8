"""The short form of `make soak`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_tests.scenarios.soak import Soak

if TYPE_CHECKING:
    from pathlib import Path


def test_the_whole_catalogue_at_once_leaves_a_server_that_is_well(tmp_path: Path) -> None:
    with Soak(tmp_path) as soak:
        soak.run(0)
