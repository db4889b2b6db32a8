"""docs/pytest.md: its example is the file that it names, and passes as a user runs it; what it lists is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from mock_server.pytest_plugin.mock import TinkerMock
from mock_server.pytest_plugin.own_server import OwnServer
from mock_server.pytest_plugin.tenant_admin import TenantAdmin
from mock_server.pytest_plugin.tenant_clock import TenantClock
from mock_server.pytest_plugin.tenant_journal import TenantJournal
from tests.cli.server_process import ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "pytest.md").read_text()
EXAMPLE = ROOT / "examples" / "test_server_dies.py"
SHORT = """

def test_it_learns(tinker_mock):
    losses = train(steps=4)
    assert losses[-1] < losses[0]
    assert tinker_mock.admin.run().optimizer_steps == 4
"""


def test_the_example_passes_and_the_page_shows_it(tmp_path: Path) -> None:
    assert f"```python\n{EXAMPLE.read_text()}```" in PAGE
    assert SHORT.strip() in PAGE
    # In a directory of its own, as in a user's project, and by two workers.
    shutil.copy(EXAMPLE, tmp_path)
    with (tmp_path / EXAMPLE.name).open("a") as file:
        file.write(SHORT)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_what_the_page_lists_is_there() -> None:
    parts = {"clock": TenantClock, "journal": TenantJournal, "admin": TenantAdmin, "server": OwnServer}
    rows = re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([\w.]+)", row) if name != "tinker_mock."]
    assert {"inject", "clock.advance", "journal.verify", "admin.run", "assert_kept", "server.kill"} <= set(named)
    for name in named:
        owner, _, member = name.rpartition(".")
        found = parts[owner] if owner else TinkerMock
        # What __init__ sets is no attribute of the class.
        assert (
            hasattr(found, member) or f"self.{member} = " in source_of(found) or f"self.{member}, " in source_of(found)
        )


def source_of(owner: type) -> str:
    import inspect

    return inspect.getsource(owner)
