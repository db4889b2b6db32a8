"""The scenarios that come with the server, and their schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from mock_server.scenarios import Library, UnknownScenario, catalogue
from mock_server.scenarios.document import read_document
from mock_server.scenarios.scenario import Scenario
from mock_server.scenarios.skeleton import skeleton

SCHEMA = jsonschema_rs.Draft202012Validator(json.loads((catalogue() / "schema.json").read_text()))
OURS = Library(catalogue())


@pytest.mark.parametrize("scenario_id", OURS.ids)
def test_each_scenario_is_valid_by_the_loader_and_by_the_schema(scenario_id: str) -> None:
    scenario = OURS[scenario_id]
    assert scenario.id == scenario_id
    text = (catalogue() / f"{scenario_id}.yaml").read_text()
    assert not [error.message for error in SCHEMA.iter_errors(read_document(text).value)]
    assert not scenario.title.endswith(".")
    assert scenario.happens.rstrip().endswith(".")
    assert scenario.good_client.rstrip().endswith(".")


@pytest.mark.parametrize("scenario_id", OURS.ids)
def test_each_scenario_expects_something_that_could_fail(scenario_id: str) -> None:
    expect = OURS[scenario_id].expect
    assert expect.wire or expect.state


def test_the_schema_knows_the_new_scenario_and_finds_what_is_wrong() -> None:
    value = read_document(skeleton("x", "x.yaml", "schema.json")).value
    assert SCHEMA.is_valid(value)
    for wrong in (
        {"titel": "x"},
        {"requirements": ["X"]},
        {"faults": [{"phase": "after_commit", "effect": "rest"}]},
        {"faults": [{"phase": "after_commit", "effect": {"status": {"status": 99}}}]},
        {"faults": [{"phase": "after_commit", "effect": {"reset": True, "close": True}}]},
        {"faults": [{"phase": "after_commit", "effect": "reset", "operation": "optim_stp"}]},
        {"client_config": {"parallel": True}},
        {"expect": {"wire": [{"check": "no-such"}]}},
        {"expect": {"client": {"outcome": "wins"}}},
    ):
        assert not SCHEMA.is_valid({**value, **wrong}), wrong


def test_a_folder_of_ones_own_goes_before_ours(tmp_path: Path) -> None:
    of_both = OURS.ids[0]
    for scenario_id in (of_both, "mine"):
        (tmp_path / f"{scenario_id}.yaml").write_text(skeleton(scenario_id, "f", "s"))
    library = Library(tmp_path, catalogue())
    assert set(library.ids) == {*OURS.ids, "mine"}
    assert library[of_both].source == ["where this happened"]
    assert library.find(str(tmp_path / "mine.yaml")) == library["mine"]
    assert {each.id for each in library} == set(library.ids)


def test_an_unknown_scenario_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownScenario, match=r"'seq-id-resued' is unknown: did you mean seq-id-reused\?"):
        OURS["seq-id-resued"]


def test_a_scenario_survives_json() -> None:
    for scenario in OURS:
        assert Scenario.model_validate_json(scenario.model_dump_json(exclude_unset=True)) == scenario


def test_the_files_are_yaml_to_others_too() -> None:
    # Whose parser takes `on` for true (YAML 1.1) would read another rule without a word; quoting is not needed in 1.2.
    for path in catalogue().glob("*.yaml"):
        assert yaml.safe_load(path.read_text())["id"] == path.stem
