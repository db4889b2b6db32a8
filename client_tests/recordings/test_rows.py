"""Every row of the endpoint tables is shown by a real client, or by its recording where none can be had."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from client_tests.harness.cli import Cli
from client_tests.harness.wire import Wire
from client_tests.recordings.rows import ROWS, TOUR, Row, recorded_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server

ROOT: Final = Path(__file__).parents[2]


def training(service_client: Any, tinker: Any, kit: Any) -> dict[str, str]:
    """Train, save in every way, load in every way, sample in every way; what is there then."""
    import pickle

    from tinker.lib.client_connection_pool_type import ClientConnectionPoolType

    trainer = kit.trainer(service_client)
    trainer.forward([kit.datum()], "cross_entropy").result()
    kit.steps(trainer, 1)
    path = trainer.save_state("state").result().path
    trainer.load_state_with_optimizer(path).result()
    sampled = trainer.save_weights_for_sampler("sampled").result().path
    exported = trainer.save_weights_external("exported").result().path
    restored = kit.client(service_client.create_training_client_from_state(path))
    muon = kit.trainer(service_client, optimizer=tinker.DimuonOptimizerConfig())
    muon.forward_backward([kit.datum()], "cross_entropy").result()
    muon.optim_step(tinker.DimuonParams(learning_rate=1e-3)).result()

    kit.client(trainer.save_weights_and_get_sampling_client())
    sampler = kit.client(service_client.create_sampling_client(model_path=sampled))
    for each in (sampler, pickle.loads(pickle.dumps(sampler))):
        each.sample(kit.prompt(), 1, kit.greedy()).result()

    holder = service_client.holder

    async def what_it_does_in_the_background() -> None:
        with holder.aclient(ClientConnectionPoolType.SESSION) as client:
            await client.service.session_heartbeat(session_id=holder.get_session_id(), max_retries=0, timeout=10)
            await client.service.health_check()

    holder.run_coroutine_threadsafe(what_it_does_in_the_background()).result()
    return {
        "session": holder.get_session_id(),
        "run": restored.model_id,
        "path": path,
        "exported": exported,
        "sampler": sampler._sampling_session_id,
    }


def looking(service_client: Any, tinker: Any, kit: Any, made: dict[str, str]) -> None:
    """Everything that is no training."""
    import os
    from datetime import UTC, datetime, timedelta

    rest = kit.rest(service_client)
    rest.get_server_capabilities().result()
    rest.list_training_runs().result()
    rest.get_training_run(made["run"]).result()
    rest.list_checkpoints(made["run"]).result()
    rest.list_user_checkpoints().result()
    rest.publish_checkpoint_from_tinker_path(made["path"]).result()
    rest.unpublish_checkpoint_from_tinker_path(made["path"]).result()
    rest.set_checkpoint_ttl_from_tinker_path(made["path"], 7200).result()
    rest.get_external_weights_urls(made["exported"]).result()
    rest.get_weights_info_by_tinker_path(made["path"]).result()
    rest.copy_weights(made["path"], destination_project_id="elsewhere").result()
    rest.list_sessions().result()
    rest.get_session(made["session"]).result()
    rest.get_sampler(made["sampler"]).result()
    rest.search_sessions(tinker.types.SessionSearchRequest()).result()
    rest.assign_session_project(made["session"], "elsewhere").result()
    rest.export_session_trace(made["session"]).result()
    rest.delete_checkpoint_from_tinker_path(made["path"]).result()
    admin = tinker.AdminClient(base_url=os.environ["TINKER_BASE_URL"], api_key=os.environ["TINKER_API_KEY"])
    admin.get_audit_log().result()
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    admin.get_billing_usage(hour, hour + timedelta(hours=1)).result()
    admin.get_current_checkpoint_storage_usage().result()


def logging_out(cli: Cli, key: str) -> None:
    """Give up a key that was generated at the last login."""
    details = {"org_details": {"name": "o"}, "user_details": {"email": "e@localhost"}}
    record = {"type": "generated", "key": key, "name": "laptop", "details": details}
    (cli.home / ".tinker").mkdir()
    (cli.home / ".tinker" / "credentials.json").write_text(
        json.dumps({"version": 1, "default": "7", "keys": {"7": record}})
    )
    for command in ("status", "logout"):
        ended = cli.run("auth", command)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_newest_sdk_asks_for_every_row_and_takes_the_answer(
    sdk: Sdk, server_with: Callable[..., Server], key: str, tmp_path: Path
) -> None:
    flags = {"pjwt_auth_enabled": True, "sample_use_retrieve_futures": True, "sample_join_sampling_session": True}
    with Wire(server_with(client_config=flags).url) as wire:
        made = sdk.at(wire.url).run(training, timeout=120)
        sdk.at(wire.url).run(looking, timeout=120, made=made)
        cli = Cli(wire.url, None, tmp_path)
        assert cli.run("auth", "login", given=f"{key}\n").returncode == 0
        logging_out(Cli(wire.url, None, _home(tmp_path)), key)
        succeeded = [exchange for exchange in wire.exchanges if 200 <= exchange.status < 300]
    missing = [
        str(row)
        for row in ROWS
        if row.by == TOUR and not any(row.is_asked_by(e.method, e.path, _json(e.body)) for e in succeeded)
    ]
    assert missing == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.by not in {"", TOUR}], ids=str)
def test_a_row_with_a_test_of_its_own_has_that_test(row: Row) -> None:
    file, _, name = row.by.partition("::")
    tests = {node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)}
    assert name in tests


@pytest.mark.parametrize("row", [row for row in ROWS if row.by == ""], ids=str)
def test_a_row_without_a_client_here_is_replayed_from_a_recording(row: Row) -> None:
    assert recorded_by(row)


def test_every_recorded_request_is_of_a_row() -> None:
    from contracts.recorded import RECORDINGS, captures

    nameless = {
        line.request
        for recording in RECORDINGS
        for capture in captures(recording)
        for line in capture.lines
        if line.path.startswith("/api/")
        and not any(row.is_asked_by(line.method, line.path, line.body.json) for row in ROWS)
    }
    assert nameless == set()


def _home(beside: Path) -> Path:
    home = beside / "logged-in"
    home.mkdir()
    return home


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
