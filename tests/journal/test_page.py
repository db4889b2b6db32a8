"""docs/journal.md: its commands run, its expectations are verified, and its reports are what is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.testing import CliRunner

from client_tests.harness.in_thread import served
from mock_server.app import create_app
from mock_server.cli import app as tinker_mock
from mock_server.journal import Expectation
from mock_server.journal.matcher import Matcher
from mock_server.settings import Settings
from tests.test_project import code_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = "docs/journal.md"
LOST = {"operation": "optim_step", "on": [2], "phase": "after_commit", "effect": "reset"}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A server whose client made two steps, the answer to the second of which was lost, and asked for it again."""
    app = create_app(Settings(data_dir=tmp_path / "data", durability="process"))
    with (
        served(app, lifespan=True) as url,
        httpx.Client(base_url=f"{url}/api/v1/", headers={"X-API-Key": "tml-local"}, timeout=30) as client,
    ):
        session = client.post("create_session", json={"tags": []}).json()["session_id"]
        model = {"session_id": session, "model_seq_id": 0, "base_model": "Qwen/Qwen3-8B"}
        run = client.post("create_model", json=model).json()["model_id"]
        httpx.post(f"{url}/__admin/faults", json={"rule": LOST, "api_key": "tml-local"})
        step: dict[str, Any] = {"model_id": run, "adam_params": {"learning_rate": 1e-3}}
        assert client.post("optim_step", json=step | {"seq_id": 1}).status_code == 200
        with pytest.raises(httpx.TransportError):
            client.post("optim_step", json=step | {"seq_id": 2})
        assert client.post("optim_step", json=step | {"seq_id": 2}).status_code == 200
        yield url


def test_its_commands_run_and_its_report_is_what_they_print(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (expectations,) = code_blocks(PAGE, "yaml")
    Path("expectations.yaml").write_text(expectations)
    (report,) = code_blocks(PAGE, "text")
    lines = [line for block in code_blocks(PAGE, "bash") for line in block.splitlines()]
    assert len(lines) == 10
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "tinker-mock"
        done = CliRunner().invoke(tinker_mock, arguments, env={"TINKER_BASE_URL": url, "TINKER_API_KEY": None})
        verifies = "verify" in arguments
        assert done.exit_code == int(verifies), f"{line}\n{done.output}"
        if verifies and "--in-order" not in arguments:
            assert done.output == report
    (program,) = code_blocks(PAGE, "python")
    exec(program, {"Path": Path})


def test_it_explains_every_field_and_every_condition() -> None:
    page = (Path(__file__).parents[2] / PAGE).read_text()
    table = " ".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", table)) == set(Expectation.model_fields)
    (conditions,) = re.findall(r"conditions that must all hold: (.*?)\. With", page, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", conditions)) == set(Matcher.model_fields)
