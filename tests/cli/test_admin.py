"""`tinker-mock admin`: whatever the control plane offers, for people and for programs, and what is said of mistakes."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest
from typer.testing import CliRunner

from client_tests.harness import in_thread
from mock_server.admin_client import AdminClient
from mock_server.api.admin import openapi
from mock_server.app import create_app
from mock_server.cli import app as tinker_mock
from mock_server.domain.tenants import tenant_of
from mock_server.scenarios.skeleton import skeleton
from mock_server.settings import Settings
from tests.cli.server_process import tinker_mock as process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

KEY = "tml-cli"


class Admin(Protocol):
    """A command, which must end with this code; returns what it printed."""

    def __call__(self, *arguments: str, code: int = 0) -> str: ...


@contextmanager
def served(directory: Path, **settings: Any) -> Iterator[str]:
    app = create_app(Settings(data_dir=directory, durability="process", **settings))
    with in_thread.served(app, lifespan=True) as url:
        yield url


def run(*arguments: str, **environment: str) -> Result:
    variables: dict[str, str | None] = dict.fromkeys(("TINKER_BASE_URL", "TINKER_API_KEY", "TINKER_MOCK_ADMIN_TOKEN"))
    return CliRunner().invoke(tinker_mock, ["admin", *arguments], env=variables | environment)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path / "data", seed=11) as url:
        yield url


@pytest.fixture
def admin(url: str) -> Admin:
    def command(*arguments: str, code: int = 0) -> str:
        done = run(*arguments, TINKER_BASE_URL=url, TINKER_API_KEY=KEY)
        assert done.exit_code == code, done.output
        return done.output

    return command


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{url}/api/v1/", headers={"X-API-Key": KEY}) as client:
        yield client


def test_a_tenant_is_seeded_looked_at_saved_and_reset(admin: Admin) -> None:
    assert "one-run-two-checkpoints  A training run with two training checkpoints" in admin("seed")
    made = admin("seed", "one-run-two-checkpoints")
    found = re.search(r"^run  (\S+)$", made, re.MULTILINE)
    assert found is not None
    shown = admin("runs", "--json")
    (state,) = json.loads(shown)["runs"]
    assert (state["id"], state["optimizer_steps"], len(state["checkpoints"])) == (found[1], 4, 2)
    row = admin("runs").splitlines()[1].split()
    assert (row[0], row[1], row[4], row[5]) == (found[1], tenant_of(KEY), "no", "4")
    assert admin("tenants").splitlines()[1].split()[:4] == [tenant_of(KEY), "1", "1", "2"]
    assert re.fullmatch(r"saved before: \d+ rows, 2 files\n", admin("snapshot", "save", "before"))
    assert admin("reset", "--to", "empty") == "the tenant has nothing now\n"
    assert admin("runs") == "no training run\n"
    assert re.fullmatch(r"restored before: \d+ rows, 2 files\n", admin("snapshot", "restore", "before"))
    assert admin("runs", "--json") == shown
    assert admin("runs", found[1]).splitlines()[2:] == [each["path"] for each in state["checkpoints"]]
    assert admin("reset") == made
    assert admin("reset", "--snapshot", "before") == "the tenant has nothing now\n"
    assert admin("runs", "--json") == shown
    assert admin("snapshot", "list").splitlines()[1].startswith("before  ")
    assert admin("snapshot", "delete", "before") == "deleted before\n"
    assert admin("snapshot", "list") == "no snapshot\n"


def test_faults_strike_and_the_journal_tells(admin: Admin, client: httpx.Client, tmp_path: Path) -> None:
    # As a shell passes it on.
    assert admin("fault", "add", "{status: {status: 503}}", "--phase", "before_handler", "--operation",
                 "create_session", "--on", "1", "--key", KEY) == "fault 1 is active\n"  # fmt: skip
    whole = "{effect: reset, phase: after_commit, operation: forward, every: 2}"
    assert admin("fault", "add", "--rule", whole) == "fault 2 is active\n"
    assert [client.post("create_session", json={"tags": []}).status_code for _ in range(2)] == [503, 200]
    first, second = admin("fault", "list").splitlines()[1:]
    assert first.split()[:4] == ["1", tenant_of(KEY), "2", "1"]
    assert second.split()[1] == "everybody"
    assert second.endswith("reset after_commit (operation ['forward'], every 2)")
    shown = admin("journal", "show", "--key", KEY, "--fault", "any").splitlines()
    assert len(shown) == 2
    assert re.search(r"create_session +503 +\S+ +status +-$", shown[1])
    assert len(json.loads(admin("journal", "show", "--bodies", "--json"))["exchanges"]) == 2
    assert admin("journal", "show", "--status", "404") == "no such exchange\n"
    for name in ("journal.jsonl", "journal.har"):
        assert admin("journal", "export", str(tmp_path / name)).startswith(f"wrote {tmp_path / name}: ")
    assert admin("fault", "clear", "2") == "lifted fault 2\n"
    assert admin("fault", "clear") == "lifted\n"
    assert admin("fault", "list") == "no fault is active\n"
    assert admin("journal", "clear") == "forgotten\n"
    assert admin("journal", "show") == "no such exchange\n"


def test_rules_are_read_as_in_scenario_files(admin: Admin, tmp_path: Path) -> None:
    # To YAML 1.1 `on` is true, and a rule would have no such field.
    assert admin("fault", "add", "reset", "--phase", "after_commit", "--rule", "{on: [2]}") == "fault 1 is active\n"
    assert json.loads(admin("fault", "list", "--json"))["faults"][0]["rule"]["on"] == [2]
    file = tmp_path / "mine.yaml"
    file.write_text(skeleton("mine", str(file), "schema.json"))
    assert "on: 2" in file.read_text()
    assert admin("scenario", "begin", str(file)) == f"{tenant_of(KEY)} plays mine\n"


def test_expectations_are_verified_on_the_server_and_on_files(
    admin: Admin, client: httpx.Client, tmp_path: Path
) -> None:
    client.post("create_session", json={"tags": ["a"]})
    export, good, bad = (tmp_path / name for name in ("journal.jsonl", "good.yaml", "bad.yaml"))
    admin("journal", "export", str(export))
    good.write_text("- {operation: create_session, request: {tags: {contains: a}}, answered: 200, count: 1}\n")
    bad.write_text("- {operation: create_session, request: {tag: {contains: a}}}\n")
    for where in ([], ["--exchanges", str(export)]):
        assert admin("journal", "verify", str(good), *where).startswith("met: exactly 1: create_session")
        told = admin("journal", "verify", str(bad), "--in-order", *where, code=1).splitlines()
        assert told[0].startswith("NOT MET: at least 1: create_session")
        assert told[2].endswith("-> 200: request tag is absent (there is tags)")
        assert json.loads(admin("journal", "verify", str(bad), "--json", *where, code=1))["met"] is False
    bad.write_text("- {operation: create_sesion}\n")
    for where in ([], ["--exchanges", str(export)]):
        said = "error: expectations.0.operation: 'create_sesion' is unknown: did you mean create_session?\n"
        assert admin("journal", "verify", str(bad), *where, code=2) == said
    bad.write_text("operation: x\n")
    assert "holds no list of expectations" in admin("journal", "verify", str(bad), code=2)
    assert "is no YAML" in admin("fault", "add", "{reset", "--phase", "after_commit", code=2)


def test_dials_and_clocks_are_turned(admin: Admin) -> None:
    assert admin("dial", "optim_step") == "kind        dial\noptim_step  immediate\n"
    assert admin("dial", "optim_step", "after:5", "--key", KEY) == "kind        dial\noptim_step  after:5\n"
    assert "optim_step  after:5" in admin("dial", "optim_step", "--key", KEY)
    assert "optim_step  immediate" in admin("dial", "optim_step")
    assert "after:5" not in admin("dial", "--reset", "--key", KEY)
    assert admin("dial", "optim_stp") == "no kind of operation is called optim_stp\n"
    assert "(real), 0 requests wait for it" in admin("clock", "get", "--key", KEY)
    assert admin("clock", "set", "--mode", "manual", "--now", "2100-01-01T00:00:00Z", "--key", KEY) == (
        "2100-01-01T00:00:00.000000Z (manual), 0 requests wait for it\n"
    )
    assert admin("clock", "advance", "90", "--key", KEY).startswith("2100-01-01T00:01:30.000000Z (manual)")
    assert json.loads(admin("clock", "get", "--key", KEY, "--json"))["mode"] == "manual"


def test_every_operation_of_the_control_plane_has_its_command(
    admin: Admin, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: set[tuple[str, str]] = set()
    raw = AdminClient.raw

    def spy(self: AdminClient, method: str, path: str, *rest: Any) -> bytes:
        asked.add((method, f"/__admin{path}"))
        return raw(self, method, path, *rest)

    monkeypatch.setattr(AdminClient, "raw", spy)
    (tmp_path / "any.yaml").write_text("- {}\n")
    admin("seed", "one-run-two-checkpoints")
    admin("dial", "optim_step", "manual")
    run_id = json.loads(admin("runs", "--json"))["runs"][0]["id"]
    step = {"model_id": run_id, "seq_id": 11, "adam_params": {"learning_rate": 1e-3}}
    held = client.post("optim_step", json=step).json()["request_id"]
    while json.loads(admin("runs", run_id, "--json"))["operations"].get("queued"):
        pass
    for line in (
        f"release {held}",
        "corrupt {flip_bit:{checkpoint:$last}}",
        "health",
        "tenants",
        "seed",
        f"runs {run_id}",
        "dial",
        "dial --reset",
        "fault add reset --phase after_commit",
        "fault list",
        "fault clear 1",
        "fault clear",
        "scenario list --all",
        "scenario begin lost-response-doubles-step",
        "scenario list",
        "scenario end",
        "snapshot save one",
        "snapshot list",
        "snapshot restore one",
        "snapshot delete one",
        "clock get",
        "clock set --mode real",
        "clock advance 1",
        "journal show",
        f"journal export {tmp_path / 'a.har'}",
        f"journal verify {tmp_path / 'any.yaml'}",
        "journal clear",
        "reset",
    ):
        admin(*[part.replace(":", ": ") if part.startswith("{") else part for part in line.split(" ")])
    admin("scenario", "begin", "lost-response-doubles-step")
    run("scenario", "verdict", TINKER_BASE_URL=client.base_url.scheme + "://" + client.base_url.netloc.decode())
    known = {(method.upper(), path) for path, item in openapi()["paths"].items() for method in item}
    patterns = {each: re.compile(re.sub(r"\{\w+\}", "[^/]+", each[1])) for each in known}
    covered = {each for each in known for method, path in asked if method == each[0] and patterns[each].fullmatch(path)}
    # The version is part of health.
    assert known - covered == {("GET", "/__admin/openapi.json"), ("GET", "/__admin/version")}


def test_mistakes_are_named_with_what_to_do(admin: Admin, url: str, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"
    refused = run("health", "--url", nobody)
    assert refused.exit_code == 1
    assert refused.output.startswith(f"error: {nobody} does not answer (")
    assert refused.output.endswith("is the server running there?\n")
    for none in ("localhost", "http://", "http://["):
        assert f"url '{none}' is none of a server" in run("health", "--url", none).output
    assert admin("seed", "one-rnu", code=2) == "error: seed data 'one-rnu' is unknown: did you mean one-run?\n"
    assert "'optim_stp' is unknown: did you mean optim_step?" in admin("dial", "optim_stp", "never", code=2)
    assert "effect: 'rest' is unknown: did you mean reset?" in admin(
        "fault", "add", "rest", "--phase", "after_commit", code=2
    )
    assert "this tenant has no snapshot: save one" in admin("snapshot", "restore", "x", code=2)
    with served(tmp_path / "guarded", admin_token="let-me-in") as guarded:
        wrong = run("health", "--url", guarded, "--admin-token", "guess")
        assert (wrong.exit_code, wrong.output) == (
            2,
            "error: the server has an admin_token, and this is not it: give it with --admin-token.\n",
        )
        assert run("health", "--url", guarded, TINKER_MOCK_ADMIN_TOKEN="let-me-in").exit_code == 0


def test_it_is_part_of_the_command_line() -> None:
    done = process("admin", "health", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stderr.split("(")[0]) == (1, "error: http://127.0.0.1:1 does not answer ")
