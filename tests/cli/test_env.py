"""`tinker-mock env`: what a client program needs to know, in the forms that shells and programs read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mock_server.domain.tenants import tenant_of
from tests.cli.server_process import TINKER_MOCK, clean_environment, tinker_mock

if TYPE_CHECKING:
    from pathlib import Path

PRINT_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def variables(*arguments: str, environment: dict[str, str] | None = None) -> dict[str, str]:
    done = tinker_mock("env", "--json", *arguments, environment=environment)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_shell_that_evaluates_it_has_every_variable(tmp_path: Path) -> None:
    cache = tmp_path / "a cache with 'quotes'"
    script = f"eval \"$({' '.join(TINKER_MOCK)} env --port 8123)\" && {sys.executable} -c '{PRINT_ENVIRONMENT}'"
    environment = clean_environment({"XDG_CACHE_HOME": str(cache)})
    shell = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
    expected = variables("--port", "8123", environment={"XDG_CACHE_HOME": str(cache)})
    assert json.loads(shell.stdout).items() >= expected.items()
    assert expected["TINKER_BASE_URL"] == "http://127.0.0.1:8123"
    assert expected["TINKER_API_KEY"] == "tml-local"


def test_the_hub_address_carries_the_tenant_and_the_cache_is_private(tmp_path: Path) -> None:
    mine = variables(
        "--url", "http://localhost:9000/mock/", "--key", "tml-mine", environment={"XDG_CACHE_HOME": str(tmp_path)}
    )
    assert mine["TINKER_BASE_URL"] == "http://localhost:9000/mock"
    assert mine["HF_ENDPOINT"] == f"http://localhost:9000/mock/hf/{tenant_of('tml-mine')}"
    assert mine["HF_HOME"] == str(tmp_path / "tinker-mock" / "hf" / tenant_of("tml-mine"))
    assert mine["HF_HUB_CACHE"].startswith(mine["HF_HOME"])
    assert mine["HF_HUB_DISABLE_XET"] == "1"
    others = variables("--key", "tml-other", environment={"XDG_CACHE_HOME": str(tmp_path)})
    assert others["HF_HOME"] != mine["HF_HOME"]


def test_the_port_is_the_one_that_the_server_is_told() -> None:
    assert variables(environment={"TINKER_MOCK_PORT": "8222"})["TINKER_BASE_URL"] == "http://127.0.0.1:8222"


def test_a_proxy_is_gone_around() -> None:
    assert "NO_PROXY" not in variables()
    around = variables(environment={"HTTP_PROXY": "http://proxy:3128", "no_proxy": "intranet"})
    assert around["NO_PROXY"] == around["no_proxy"] == "intranet,127.0.0.1"


def test_fish_gets_its_own_syntax() -> None:
    lines = tinker_mock("env", "--fish").stdout.splitlines()
    assert lines[0] == "set -gx TINKER_BASE_URL http://127.0.0.1:8000"
    assert len(lines) == len(variables())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--key", "sk-123"), "error: key 'sk-123': a key is tml- and then"),
        (("--url", "127.0.0.1:8000"), "error: url '127.0.0.1:8000' is none of a server"),
        (("--url", "ftp://127.0.0.1"), "error: url 'ftp://127.0.0.1' is none of a server"),
    ],
)
def test_what_no_client_could_use_is_refused(arguments: tuple[str, ...], complaint: str) -> None:
    done = tinker_mock("env", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(complaint)
