"""Who one is, what one may use, and what one has used."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.harness.cli import Cli
from client_tests.harness.environments import NEWEST, sdk_interpreter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client_tests.cli.conftest import Made
    from client_tests.harness.server import Server


@pytest.fixture
def anonymous(cli: Cli) -> Cli:
    return cli.as_tenant(None)


def rows(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_version(cli: Cli) -> None:
    assert cli.table("version").strip() == f"tinker {NEWEST}"
    # The script itself; all other tests run what it imports, without the time that this takes.
    installed = subprocess.run(
        [sdk_interpreter(NEWEST).with_name("tinker"), "version"], capture_output=True, text=True, check=False
    )
    assert (installed.returncode, installed.stdout.strip()) == (0, f"tinker {NEWEST}")


def test_logging_in_stores_a_key_that_works_until_logging_out(anonymous: Cli, key: str) -> None:
    assert "Stored API key" in anonymous.table("auth", "login", given=f"{key}\n")
    assert "Tinker accessible: yes" in anonymous.table("auth", "status")
    assert anonymous.json("run", "list") == {"runs": []}
    assert "still active" in anonymous.table("auth", "logout")
    anonymous.refused("run", "list")


def test_logging_in_with_what_is_no_key_says_so(anonymous: Cli) -> None:
    ended = anonymous.run("auth", "login", given="sk-other\n")
    assert ended.returncode == 1
    assert "tml-" in ended.stdout + ended.stderr


def test_logging_out_of_a_generated_key_deletes_it(cli: Cli, key: str) -> None:
    details = {"org_details": {"name": "o"}, "user_details": {"email": "e@localhost"}}
    record = {"type": "generated", "key": key, "name": "laptop", "details": details}
    (cli.home / ".tinker").mkdir()
    stored = {"version": 1, "default": "7", "keys": {"7": record}}
    (cli.home / ".tinker" / "credentials.json").write_text(json.dumps(stored))
    assert "deleted its API key" in cli.as_tenant(None).table("auth", "logout")
    assert "was deleted" in cli.refused("run", "list")
    assert "Tinker accessible: no" in cli.refused("auth", "status")


@pytest.mark.parametrize("tokens", [False, True])
def test_the_status_says_whether_the_server_answers(
    server_with: Callable[..., Server], key: str, tmp_path: Path, tokens: bool
) -> None:
    cli = Cli(server_with(client_config={"pjwt_auth_enabled": tokens}).url, key, tmp_path)
    assert "Tinker accessible: yes" in cli.table("auth", "status")


def test_whoami_and_models_where_tokens_are_on(server_with: Callable[..., Server], key: str, tmp_path: Path) -> None:
    cli = Cli(server_with(client_config={"pjwt_auth_enabled": True}).url, key, tmp_path)
    told = cli.shows("auth", "whoami", texts=["tml:user:", "tml:organization:"])
    assert told["email"].endswith("@localhost")
    assert "No model name contains 'gpt-7'" in cli.refused("model", "list", "gpt-7")


def test_whoami_without_tokens_says_what_it_needs(cli: Cli) -> None:
    assert "JWT" in cli.refused("auth", "whoami")


def test_models_are_listed_and_found_by_a_part_of_their_name(cli: Cli) -> None:
    models = cli.shows("model", "list", texts=["Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B"])["models"]
    assert all(model["max_context_length"] > 0 and model["sampleable"] for model in models)
    found = cli.json("model", "list", "qwen3-8b")["models"]
    assert [model["model_name"] for model in found] == ["Qwen/Qwen3-8B", "Qwen/Qwen3-8B-Base"]


def test_usage_is_shown_and_written_as_csv(cli: Cli, made: Made) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    window = [(hour + timedelta(hours=more)).isoformat() for more in (0, 2)]
    usage = cli.shows("billing", "usage", *window, texts=["training", "checkpoint", "storage", made.session_id])
    assert sum(row["event_info"].get("token_count", 0) for row in usage["data"]) == 23
    assert usage["sessions"].keys() == {made.session_id}
    written = rows(cli.table("billing", "usage", *window, "--csv", "-"))
    assert len(written) == len(usage["data"])
    assert any("23" in row.values() for row in written)
    cli.table("billing", "usage", *window, "--sessions-csv", "sessions.csv")
    assert made.session_id in (cli.home / "sessions.csv").read_text()


def test_a_window_that_is_no_window_is_explained(cli: Cli) -> None:
    told = cli.refused("billing", "usage", "2026-07-13T00:30:00Z", "2026-07-14T00:00:00Z")
    assert "starting_on is 2026-07-13T00:30:00+00:00, within an hour" in told
    assert "timezone" in cli.refused("billing", "usage", "2026-07-13T00:00:00", "2026-07-14T00:00:00")


def test_storage_is_shown_by_project_and_written_as_csv(cli: Cli, made: Made) -> None:
    storage = cli.json("billing", "checkpoint-storage")
    assert storage["data"][0]["checkpoint_count"] == len(made.paths)
    assert str(storage["data"][0]["size_bytes"]) in cli.table("billing", "checkpoint-storage")
    assert rows(cli.table("billing", "checkpoint-storage", "--csv", "-"))
    assert cli.json("billing", "checkpoint-storage", "--project-id", "of-nobody")["data"] == []
