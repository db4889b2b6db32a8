"""Scenarios: documented incidents that happen again on demand, and what a good client does about each."""

from mock_server.scenarios.library import Library, UnknownScenario, catalogue
from mock_server.scenarios.reading import InvalidScenario, read_scenario, scenario_of, scenario_of_text
from mock_server.scenarios.scenario import Scenario

__all__ = [
    "InvalidScenario",
    "Library",
    "Scenario",
    "UnknownScenario",
    "catalogue",
    "read_scenario",
    "scenario_of",
    "scenario_of_text",
]
