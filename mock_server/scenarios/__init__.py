"""Scenarios: documented incidents that happen again on demand, and what a good client does about each.

Importing this package imports neither YAML nor the form of scenarios: a server reads one when somebody plays it.
"""

from mock_server.scenarios.errors import InvalidScenario, NoScenario, UnknownScenario
from mock_server.scenarios.library import Library, catalogue
from mock_server.scenarios.stage import Playing, Scenery, Stage

__all__ = [
    "InvalidScenario",
    "Library",
    "NoScenario",
    "Playing",
    "Scenery",
    "Stage",
    "UnknownScenario",
    "catalogue",
]
