"""The commands of docs/clock.md do what the page says."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from tests.cli.server_process import ROOT, serving

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "clock.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_its_commands_move_a_clock_by_a_day(tmp_path: Path) -> None:
    with serving(cwd=tmp_path) as server:
        commands = block("bash").replace("http://127.0.0.1:8000", server.url).splitlines()
        answers: list[dict[str, Any]] = []
        for command in commands:
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
            answers.append(json.loads(done.stdout))
        assert server.stop() == 0
    chosen, advanced, shown = answers
    assert advanced["now"] == chosen["now"] + 86_400
    assert shown == advanced
    promised = json.loads(block("json"))
    assert shown.keys() == promised.keys()
    assert {**shown, "now": 0, "time": ""} == {**promised, "now": 0, "time": ""}
