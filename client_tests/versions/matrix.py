"""Tests that run with every SDK that has the feature that they are about: the cells of the table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from client_tests.harness.environments import VERSIONS
from client_tests.versions.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Iterable

IN_EVERY_TEST_RUN: Final = ("0.10.0", "0.18.0", "0.25.0", "0.28.0", "0.38.0")
"""One for each way of speaking on the wire; the others take long to install, and `make clients` has them all."""

SURFACE: Final = "surface"
"""The cell of the test that holds a version's column against the SDK's public names."""


def chosen() -> tuple[str, ...]:
    """The versions to run, by the variable SDK_VERSIONS (separated by spaces) or else those of every test run."""
    versions = tuple(os.environ.get("SDK_VERSIONS", "").split()) or IN_EVERY_TEST_RUN
    if unknown := set(versions) - set(VERSIONS):
        raise pytest.UsageError(f"SDK_VERSIONS has {', '.join(sorted(unknown))}: there are {', '.join(VERSIONS)}.")
    return tuple(version for version in VERSIONS if version in versions)


def lives(feature: str) -> pytest.MarkDecorator:
    """Run the test with every SDK that has the feature; its outcome is the cell of feature and version."""
    return _cells(feature, (version for version in VERSIONS if FEATURES[feature].is_in(version)))


def every_surface() -> pytest.MarkDecorator:
    """Run the test with every SDK; its outcome decides about the cells that no test lives."""
    return _cells(SURFACE, VERSIONS)


def _cells(row: str, versions: Iterable[str]) -> pytest.MarkDecorator:
    cells = [pytest.param(v, marks=pytest.mark.cell(row, v)) for v in versions]
    return pytest.mark.parametrize("sdk", cells, indirect=True)
