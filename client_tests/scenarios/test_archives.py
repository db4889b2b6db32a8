"""Archives that come late, in part, or with something in them that nobody asked for, at the SDK's own command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from client_tests.harness.cli import Cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client_tests.scenarios.playing import Player

VERSION = "0.33.0"
"""The newest SDK whose command unpacks an archive; later ones fetch files."""


def downloading(home: Path, count: int = 1) -> Callable[[str, str], list[str]]:
    """A program that downloads the oldest checkpoint of each of so many runs; what the command said when it failed is
    its failure.
    """

    def program(url: str, key: str) -> list[str]:
        with httpx.Client(base_url=f"{url}/api/v1/", headers={"x-api-key": key}) as client:
            listed = client.get("checkpoints").json()["checkpoints"]
        paths = sorted({each["tinker_path"].split("/")[2]: each["tinker_path"] for each in listed}.values())
        cli = Cli(url, key, home, version=VERSION)
        for path in paths[:count]:
            cli.json("checkpoint", "download", path)
        return paths[:count]

    return program


def left_in(home: Path) -> list[str]:
    """All files below the folder, but what the command keeps for itself."""
    return sorted(str(file.relative_to(home)) for file in home.rglob("*") if file.is_file())


@pytest.mark.scenario("archive-truncated")
@pytest.mark.scenario("archive-with-hostile-member")
@pytest.mark.scenario("download-reset-in-mid-body")
@pytest.mark.parametrize(
    "scenario_id", ["archive-truncated", "archive-with-hostile-member", "download-reset-in-mid-body"]
)
def test_what_can_not_be_unpacked_is_refused_and_leaves_nothing(play: Player, tmp_path: Path, scenario_id: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    played = play.here(scenario_id, downloading(home))
    assert played.verdict.kept, "\n".join((*played.verdict.lines(), played.output))
    assert all(played.verdict.struck)
    assert left_in(tmp_path) == []


@pytest.mark.scenario("archive-url-500-for-one-run")
def test_the_archive_of_one_run_comes_late_and_that_of_another_at_once(play: Player, tmp_path: Path) -> None:
    played = play.here("archive-url-500-for-one-run", downloading(tmp_path, 2))
    played.assert_kept(2)
    assert len([name for name in left_in(tmp_path) if name.endswith("adapter_model.safetensors")]) == 2
