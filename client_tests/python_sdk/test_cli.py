"""The commands of `tinker`, as a table for people and as JSON for programs, show what is there."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.harness.endings import ended_well
from client_tests.harness.environments import NEWEST, sdk_interpreter
from client_tests.harness.server import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server


@dataclass(frozen=True)
class Cli:
    """The command with a home directory of its own."""

    url: str
    key: str | None
    home: Path

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever that is."""
        variables = {"TINKER_BASE_URL": self.url, "HOME": str(self.home), "COLUMNS": "400"}
        if self.key is not None:
            variables["TINKER_API_KEY"] = self.key
        return subprocess.run(
            [str(sdk_interpreter(NEWEST).with_name("tinker")), *arguments],
            env=clean_environment() | variables,
            cwd=self.home,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def table(self, *arguments: str, given: str = "") -> str:
        """What it prints for people."""
        ended = self.run(*arguments, given=given)
        assert ended_well(ended.returncode), ended.stdout + ended.stderr
        return ended.stdout

    def json(self, *arguments: str) -> Any:
        """What it prints for programs."""
        return json.loads(self.table("--format", "json", *arguments))

    def shows(self, *arguments: str, texts: list[str]) -> Any:
        """Its JSON, which has these texts in it, as its table has."""
        table, value = self.table(*arguments), self.json(*arguments)
        for text in texts:
            assert text in table
            assert text in json.dumps(value)
        return value


@dataclass(frozen=True)
class Made:
    """What a program left behind."""

    session_id: str
    run_id: str
    paths: dict[str, str]


@pytest.fixture
def cli(server: Server, key: str, tmp_path: Path) -> Cli:
    return Cli(server.url, key, tmp_path)


@pytest.fixture
def made(sdk: Sdk) -> Made:
    def program(service_client: Any, kit: Any) -> list[Any]:
        trainer = kit.trainer(service_client)
        kit.steps(trainer, 1)
        paths = {name: trainer.save_state(name).result().path for name in ("first", "second")}
        paths["sampled"] = trainer.save_weights_for_sampler("sampled").result().path
        return [service_client.holder.get_session_id(), trainer.model_id, paths]

    return Made(*sdk.run(program))


def test_runs(cli: Cli, made: Made) -> None:
    assert cli.shows("run", "list", texts=[made.run_id])["runs"][0]["base_model"] == "Qwen/Qwen3-8B"
    cli.shows("run", "info", made.run_id, texts=[made.run_id, "Qwen/Qwen3-8B"])


def test_checkpoints_are_listed_and_described(cli: Cli, made: Made) -> None:
    cli.shows("checkpoint", "list", texts=list(made.paths.values()))
    cli.shows("checkpoint", "list", "--run-id", made.run_id, texts=list(made.paths.values()))
    cli.shows("checkpoint", "info", made.paths["first"], texts=[made.paths["first"]])


def test_checkpoints_are_changed_and_deleted(cli: Cli, made: Made) -> None:
    path = made.paths["first"]

    def state() -> dict[str, Any]:
        headers = {"X-API-Key": str(cli.key)}
        run = httpx.get(f"{cli.url}/api/v1/training_runs/{made.run_id}/checkpoints", headers=headers).json()
        return {each["tinker_path"]: (each["public"], each["expires_at"] is not None) for each in run["checkpoints"]}

    for arguments, after in (
        (["publish", path], (True, False)),
        (["set-ttl", path, "--ttl", "7200"], (True, True)),
        (["unpublish", path], (False, True)),
        (["set-ttl", path, "--remove"], (False, False)),
    ):
        cli.table("checkpoint", *arguments)
        assert state()[path] == after
    cli.table("checkpoint", "delete", "--yes", path, made.paths["second"])
    assert list(state()) == [made.paths["sampled"]]


def test_billing(cli: Cli, made: Made) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    window = [(hour + timedelta(hours=more)).isoformat() for more in (0, 2)]
    usage = cli.shows("billing", "usage", *window, texts=["training", "checkpoint", "storage", made.session_id])
    assert sum(row["event_info"].get("token_count", 0) for row in usage["data"]) == 23
    storage = cli.json("billing", "checkpoint-storage")
    assert storage["data"][0]["checkpoint_count"] == 3
    assert str(storage["data"][0]["size_bytes"]) in cli.table("billing", "checkpoint-storage")


def test_a_sessions_trace_has_an_address_and_is_downloaded(cli: Cli, made: Made) -> None:
    url = cli.table("session", "export-trace", made.session_id, "--url-only").strip()
    assert cli.json("session", "export-trace", made.session_id, "--url-only")["session_id"] == made.session_id
    assert httpx.get(url).json()["traceEvents"]
    cli.table("session", "export-trace", made.session_id, "--output", "session.pftrace")
    assert json.loads((cli.home / "session.pftrace").read_text())["traceEvents"]


def test_logging_in_stores_a_key_that_works_until_logging_out(cli: Cli, server: Server, key: str) -> None:
    anonymous = Cli(server.url, None, cli.home)
    assert "Stored API key" in anonymous.table("auth", "login", given=f"{key}\n")
    assert "Tinker accessible: yes" in anonymous.table("auth", "status")
    anonymous.table("run", "list")
    assert "still active" in anonymous.table("auth", "logout")
    assert anonymous.run("run", "list").returncode != 0


def test_logging_in_with_what_is_no_key_says_so(cli: Cli, server: Server) -> None:
    refused = Cli(server.url, None, cli.home).run("auth", "login", given="sk-other\n")
    assert refused.returncode != 0
    assert "tml-" in refused.stdout + refused.stderr


def test_logging_out_of_a_generated_key_deletes_it(cli: Cli, server: Server, key: str) -> None:
    details = {"org_details": {"name": "o"}, "user_details": {"email": "e@localhost"}}
    record = {"type": "generated", "key": key, "name": "laptop", "details": details}
    (cli.home / ".tinker").mkdir()
    stored = {"version": 1, "default": "7", "keys": {"7": record}}
    (cli.home / ".tinker" / "credentials.json").write_text(json.dumps(stored))
    assert "deleted its API key" in Cli(server.url, None, cli.home).table("auth", "logout")
    assert cli.run("run", "list").returncode != 0


def test_whoami_and_models(server_with: Callable[..., Server], key: str, tmp_path: Path) -> None:
    server = server_with(client_config={"pjwt_auth_enabled": True})
    cli = Cli(server.url, key, tmp_path)
    told = cli.shows("auth", "whoami", texts=["tml:user:", "tml:organization:"])
    assert told["email"].endswith("@localhost")
    cli.shows("model", "list", texts=["Qwen/Qwen3-8B"])


def test_whoami_without_tokens_says_what_it_needs(cli: Cli) -> None:
    ended = cli.run("auth", "whoami")
    assert ended.returncode != 0
    assert "JWT" in ended.stdout + ended.stderr
