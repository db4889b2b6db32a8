"""A run has one optimizer from its creation on: what steps it, what may be loaded into it, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.belongings import BASE_MODEL

if TYPE_CHECKING:
    import httpx

    from tests.api.belongings import Tenant

DIMUON: dict[str, Any] = {"type": "dimuon", "version": 1}
DIMUON_STEP = {"type": "dimuon", "learning_rate": 0.1}


@pytest.fixture
def session(tenant: Tenant) -> str:
    return str(tenant.did("create_session", {"tags": []})["session_id"])


def created(tenant: Tenant, session: str, number: int, **config: Any) -> httpx.Response:
    body = {"session_id": session, "model_seq_id": number, "base_model": BASE_MODEL, **config}
    return tenant.post("create_model", json=body)


@pytest.fixture
def saved(tenant: Tenant, session: str) -> dict[str, str]:
    """The path of a saved run by the optimizer that it has."""
    paths = {}
    for number, name in enumerate(("adamw", "dimuon")):
        run = tenant.result_of(created(tenant, session, number, optimizer_config={"type": name}))["model_id"]
        paths[name] = tenant.did("save_weights", {"model_id": run, "seq_id": 1, "path": "ck"})["path"]
    return paths


def loaded(tenant: Tenant, session: str, path: str, **more: Any) -> httpx.Response:
    """Into a new run."""
    return tenant.post("load_weights", json={"session_id": session, "model_seq_id": 9, "path": path, **more})


def optimizer_of(tenant: Tenant, accepted: httpx.Response) -> str:
    run = tenant.result_of(accepted)["model_id"]
    return str(tenant.did("get_info", {"model_id": run})["optimizer_config"]["type"])


@pytest.mark.parametrize(
    ("source", "config", "optimizer"),
    [("adamw", DIMUON, "dimuon"), ("dimuon", {"type": "adamw"}, "adamw"), ("dimuon", None, "adamw")],
)
def test_bare_weights_go_on_under_the_optimizer_that_is_asked_for_or_adam(
    tenant: Tenant, session: str, saved: dict[str, str], source: str, config: Any, optimizer: str
) -> None:
    accepted = loaded(tenant, session, saved[source], optimizer=False, optimizer_config=config)
    assert optimizer_of(tenant, accepted) == optimizer
    parameters = {"optimizer_params": DIMUON_STEP} if optimizer == "dimuon" else {"adam_params": {}}
    tenant.did("optim_step", {"model_id": accepted.json()["model_id"], "seq_id": 1, **parameters})


def test_restored_moments_keep_their_optimizer(tenant: Tenant, session: str, saved: dict[str, str]) -> None:
    assert optimizer_of(tenant, loaded(tenant, session, saved["dimuon"], optimizer=True)) == "dimuon"


def test_neither_restored_moments_nor_a_run_that_exists_take_another_optimizer(
    tenant: Tenant, session: str, saved: dict[str, str]
) -> None:
    restored = loaded(tenant, session, saved["adamw"], optimizer=True, optimizer_config=DIMUON)
    assert restored.status_code == 400
    assert "optimizer_config can't replace the checkpoint's optimizer state" in restored.json()["detail"]
    body = {"model_id": f"{session}:train:0", "path": saved["adamw"], "optimizer": False, "seq_id": 2}
    existing = tenant.post("load_weights", json={**body, "optimizer_config": DIMUON})
    assert existing.status_code == 400
    assert "optimizer_config can't replace the training run's optimizer" in existing.json()["detail"]


def test_a_run_takes_the_weights_of_another_optimizers_run_and_not_its_moments(
    tenant: Tenant, session: str, saved: dict[str, str]
) -> None:
    body = {"model_id": f"{session}:train:0", "path": saved["dimuon"]}
    failed = tenant.result_of(tenant.post("load_weights", json={**body, "seq_id": 2, "optimizer": True}))
    assert failed["category"] == "user"
    assert "optimizer state of dimuon, but the training run has adamw" in failed["error"]
    tenant.did("load_weights", {**body, "seq_id": 3, "optimizer": False})
    tenant.did("optim_step", {"model_id": body["model_id"], "seq_id": 4, "adam_params": {}})


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"type": "sgd"}, "optimizer_config.type is 'sgd': give one of adamw, dimuon"),
        ({"type": "dimuon", "version": 2}, "optimizer_config.version is 2: dimuon has version 1 only"),
    ],
)
def test_an_optimizer_that_there_is_not_is_refused_wherever_it_is_named(
    tenant: Tenant, session: str, saved: dict[str, str], config: dict[str, Any], told: str
) -> None:
    for answer in (
        created(tenant, session, 8, optimizer_config=config),
        loaded(tenant, session, saved["adamw"], optimizer=False, optimizer_config=config),
    ):
        assert (answer.status_code, answer.json()["detail"]) == (400, told)


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({"optimizer_params": {"type": "sgd", "learning_rate": 1}}, 422, "optimizer_params.type: Input should be"),
        ({"optimizer_params": DIMUON_STEP, "adam_params": {}}, 400, "adam_params and optimizer_params are both there"),
    ],
)
def test_a_step_by_what_the_run_has_not_is_refused_and_the_next_goes_on(
    tenant: Tenant, session: str, saved: dict[str, str], parameters: dict[str, Any], status: int, told: str
) -> None:
    run = f"{session}:train:0"
    refused = tenant.post("optim_step", json={"model_id": run, "seq_id": 2, **parameters})
    assert refused.status_code == status
    assert told in refused.json()["detail"]
    tenant.did("optim_step", {"model_id": run, "seq_id": 3, "adam_params": {}})
