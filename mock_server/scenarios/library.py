"""The scenarios that come with this server, and those in a folder of the user's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import contracts
from mock_server.faults.problems import unknown
from mock_server.scenarios.errors import UnknownScenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.scenarios.scenario import Scenario

_ENDING: Final = ".yaml"


class Library:
    """Scenarios by id, each read when it is first asked for. A user's file goes before one of ours of the same name."""

    def __init__(self, *folders: Path) -> None:
        self._files = {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob(f"*{_ENDING}"))}
        self._read: dict[str, Scenario] = {}

    @property
    def ids(self) -> list[str]:
        """All ids, by the alphabet."""
        return sorted(self._files)

    def __getitem__(self, scenario_id: str) -> Scenario:
        """Raises UnknownScenario; InvalidScenario where its file is wrong."""
        if scenario_id not in self._read:
            if scenario_id not in self._files:
                raise UnknownScenario(f"scenario {unknown(scenario_id, self._files)}")
            self._read[scenario_id] = _read(self._files[scenario_id])
        return self._read[scenario_id]

    def __iter__(self) -> Iterator[Scenario]:
        return (self[scenario_id] for scenario_id in self.ids)

    def find(self, name: str) -> Scenario:
        """The scenario of an id, or of a file by its path, which ends in .yaml. Raises NoScenario."""
        return _read(Path(name)) if name.endswith(_ENDING) else self[name]


def _read(path: Path) -> Scenario:
    from mock_server.scenarios.reading import read_scenario  # noqa: PLC0415 - brings YAML and the form of scenarios

    try:
        return read_scenario(path)
    except OSError as error:
        raise UnknownScenario(f"the scenario {path} can't be read: {error.strerror}") from error


@cache
def catalogue() -> Path:
    """The folder of the scenarios that come with this server."""
    return Path(str(contracts.__file__)).parent / "scenarios"
