"""The official SDK on the wire, in the journal; and its tenant saved, restored and reset beside another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from mock_server.admin_client import AdminClient
from mock_server.domain.tenants import tenant_of

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server


@pytest.fixture
def admin(server: Server) -> AdminClient:
    return AdminClient(server.url)


def test_a_lost_answer_and_its_repeat_are_in_the_journal_and_a_near_miss_is_explained(
    sdk: Sdk, admin: AdminClient
) -> None:
    def program(service_client: Any, kit: Any) -> str:
        training = kit.trainer(service_client)
        kit.steps(training, 3)
        return str(training.get_info().model_id)

    lost = {"operation": "optim_step", "phase": "after_commit", "effect": "reset", "on": 2, "silent": True}
    admin.ask("POST", "/faults", {"rule": lost, "api_key": sdk.key})
    run_id = sdk.run(program)
    assert admin.get(f"/runs/{run_id}")["optimizer_steps"] == 3
    (struck,) = admin.get("/journal", api_key=sdk.key, fault="reset")["exchanges"]
    assert (struck["operation"], struck["response"], struck["faults"]) == ("optim_step", None, ["reset"])
    repeat = {"operation": "optim_step", "run": run_id, "seq_id": 4}
    expectations = [
        {**repeat, "answered": "nothing", "fault": "reset", "count": 1},
        {**repeat, "answered": 200, "count": 1},
        {"operation": "forward_backward", "request": {"loss_fn": "cross_entropy"}, "run": run_id, "count": 3},
        # What a client does wrong that takes another number for the repeat.
        {**repeat, "seq_id": 7},
    ]
    body = {"expectations": expectations, "api_key": sdk.key}
    verified = admin.ask("POST", "/journal/verify", body)
    assert [each["met"] for each in verified["expectations"]] == [True, True, True, False], verified["text"]
    reasons = [miss["reasons"] for miss in verified["expectations"][3]["near_misses"]]
    assert reasons == [["seq_id is 6, not 7"], ["seq_id is 4, not 7"], ["seq_id is 4, not 7"]]
    assert sdk.key not in admin.raw("GET", "/journal/export", query={"api_key": sdk.key}).decode()


def test_a_snapshot_restores_the_numbers_to_the_last_bit_and_a_reset_is_one_tenants(
    sdk: Sdk, admin: AdminClient
) -> None:
    def program(service_client: Any, kit: Any, path: str) -> list[Any]:
        create = service_client.create_training_client_from_state_with_optimizer
        training = kit.client(create(path))
        losses = kit.steps(training, 2)
        return [training.get_info().model_id, losses, training.save_state("more").result().path]

    other = sdk.as_tenant(f"tml-test-{uuid4().hex}")
    sown = [
        admin.ask("POST", "/seeds", {"api_key": each.key, "seed": "one-run-two-checkpoints"}) for each in (sdk, other)
    ]
    path = sown[0]["checkpoints"][0]
    admin.ask("POST", "/snapshots", {"api_key": sdk.key, "name": "seeded"})
    first = sdk.run(program, path=path)
    theirs = other.run(program, path=sown[1]["checkpoints"][0])
    assert theirs[1] == first[1]
    admin.ask("POST", "/snapshots/seeded/restore", {"api_key": sdk.key})
    # The same run again, under the same name for its checkpoint, which is free again.
    assert sdk.run(program, path=path) == first
    assert admin.ask("POST", "/reset", {"api_key": sdk.key}) == sown[0]
    assert [run["optimizer_steps"] for run in admin.get("/runs", api_key=sdk.key)["runs"]] == [4]
    assert [run["optimizer_steps"] for run in admin.get("/runs", api_key=other.key)["runs"]] == [4, 4]
    assert {each["tenant"] for each in admin.get("/tenants")["tenants"]} >= {tenant_of(sdk.key), tenant_of(other.key)}
