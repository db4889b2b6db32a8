"""The table of features says of every SDK what it has and what it lacks, so none leaves a feature out in silence."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_tests.versions.features import FEATURES
from client_tests.versions.matrix import SURFACE, every_surface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_tests.harness.sdk import Sdk


@every_surface()
def test_an_sdk_has_the_public_names_of_its_features_and_lacks_those_of_the_others(sdk: Sdk) -> None:
    def program(tinker: Any, kit: Any, names: list[str]) -> list[Any]:
        return [tinker.__version__, [name for name in names if kit.has(name)]]

    version, found = sdk.run(program, names=[feature.name for feature in FEATURES.values()])
    assert version == sdk.runner.version
    assert found == [feature.name for feature in FEATURES.values() if feature.is_in(version)]


def test_each_feature_is_lived_by_one_test() -> None:
    assert sorted(_rows()) == sorted((SURFACE, *FEATURES))


def _rows() -> Iterator[str]:
    """The row of each test beside this one that decides cells."""
    for path in Path(__file__).parent.glob("test_*.py"):
        for test in vars(import_module(f"client_tests.versions.{path.stem}")).values():
            for mark in getattr(test, "pytestmark", ()):
                if mark.name == "parametrize":
                    _, cells = mark.args
                    yield next(each.args[0] for each in cells[0].marks if each.name == "cell")
