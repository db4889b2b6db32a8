"""The table of features says of every SDK what it has and what it lacks, so none leaves a feature out in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client_tests.versions import (
    test_books,
    test_checkpoints,
    test_failures,
    test_sampling,
    test_together,
    test_tokenizers,
    test_training,
)
from client_tests.versions.features import FEATURES
from client_tests.versions.matrix import SURFACE, every_surface

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk


@every_surface()
def test_an_sdk_has_the_public_names_of_its_features_and_lacks_those_of_the_others(sdk: Sdk) -> None:
    def program(tinker: Any, kit: Any, names: list[str]) -> list[Any]:
        return [tinker.__version__, [name for name in names if kit.has(name)]]

    version, found = sdk.run(program, names=[feature.name for feature in FEATURES.values()])
    assert version == sdk.runner.version
    assert found == [feature.name for feature in FEATURES.values() if feature.is_in(version)]


def test_each_feature_is_lived_by_one_test() -> None:
    modules = (
        test_training,
        test_sampling,
        test_tokenizers,
        test_checkpoints,
        test_books,
        test_together,
        test_failures,
    )
    tests = [test for module in modules for name, test in vars(module).items() if name.startswith("test_")]
    cells = [mark.args[1][0].marks[0].args[0] for test in tests for mark in test.pytestmark if mark.args[0] == "sdk"]
    assert sorted(cells) == sorted(FEATURES)
    assert SURFACE not in FEATURES
