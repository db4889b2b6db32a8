"""Weights: saved as checkpoints, saved for samplers, loaded into runs old and new."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import Call, TenantCall, tenant_of_credential
from mock_server.api.tinker.answers import future, json_response
from mock_server.api.tinker.bodies import LoadWeights, Save, WeightsInfo
from mock_server.api.tinker.client_forms import forms_of
from mock_server.api.tinker.numbered import NumberedRoute
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import checkpoints, training_runs
from mock_server.domain.errors import Invalid
from mock_server.domain.exports import check_recipients
from mock_server.domain.orders import LoadOrder, SaveOrder
from mock_server.domain.paths import CheckpointPath, checkpoint_name

router = APIRouter(prefix=PREFIX, tags=["weights"], route_class=NumberedRoute)


@router.post("/save_weights")
async def save_weights(body: Save, call: TenantCall) -> Response:
    """Save the whole training state under a name (`path`); without one, under the number of the request."""
    return await _save(call, body, "save_weights", _numbered(body) if body.path is None else body.path)


@router.post("/save_weights_for_sampler")
async def save_weights_for_sampler(body: Save, call: TenantCall) -> Response:
    """Save the weights to sample from: under a name, or, without one, as a sampling session that is ready to use."""
    kind = "save_weights_for_sampler"
    if body.path is None and body.sampling_session_seq_id is None:
        return await _save(call, body, kind, _numbered(body))
    if body.path is None and forms_of(call.request).names_samplers:
        return await _save(call, body, kind, _numbered(body), with_sampler=True)
    return await _save(call, body, kind, body.path)


@router.post("/save_weights_external")
async def save_weights_external(body: Save, call: TenantCall) -> Response:
    """Save the weights as files for other programs, to be loaded from the addresses of external_weights_urls."""
    check_recipients(body.age_encryption_recipients)
    if body.age_encryption_recipients and call.settings.checkpoint_shapes == "real":
        raise Invalid(
            "age_encryption_recipients can't be had with checkpoint_shapes=real: gigabytes are made on the fly"
        )
    return await _save(call, body, "save_weights_external", _numbered(body) if body.path is None else body.path)


@router.post("/load_weights")
async def load_weights(body: LoadWeights, call: TenantCall) -> Response:
    """Load a checkpoint into the run `model_id`, or, with `session_id` and `model_seq_id`, into a new run."""
    reader = tenant_of_credential(call, body.weights_access_token)
    config = _optimizer_config(body)
    order = LoadOrder(path=body.path, optimizer=body.optimizer, reader=reader, optimizer_config=config)
    CheckpointPath.parse(body.path)
    if body.model_id is not None:
        request_id = await call.runtime.submit(call.tenant, body.model_id, "load_weights", body.seq_id, order.to_body())
        return future(request_id, body.model_id)
    if body.session_id is None or body.model_seq_id is None:
        raise Invalid("model_id is absent: give it, or session_id and model_seq_id to load into a new training run")
    run_id, request_id = await call.runtime.load_new_run(
        call.tenant, body.session_id, body.model_seq_id, order, body.base_model, body.user_metadata
    )
    return future(request_id, run_id)


@router.post("/weights_info")
async def weights_info(body: WeightsInfo, call: TenantCall) -> Response:
    """What is needed to load a checkpoint, one's own or a published one."""
    checkpoint = await call.read(checkpoints.readable, CheckpointPath.parse(body.tinker_path, "tinker_path"))
    return json_response(
        {
            "base_model": checkpoint.base_model,
            "is_lora": True,
            "lora_rank": checkpoint.rank,
            "optimizer_config": checkpoint.optimizer,
            "train_mlp": checkpoint.train_mlp,
            "train_attn": checkpoint.train_attn,
            "train_unembed": checkpoint.train_unembed,
        }
    )


async def _save(call: Call, body: Save, kind: str, name: str | None, *, with_sampler: bool = False) -> Response:
    checkpoints.check_ttl(body.ttl_seconds, call.settings.min_ttl_seconds)
    order = SaveOrder(
        name=None if name is None else checkpoint_name(name),
        sampler_number=body.sampling_session_seq_id,
        with_sampler=with_sampler,
        ttl_seconds=body.ttl_seconds,
        overwrite=body.overwrite,
        user_metadata=body.user_metadata,
        age_recipients=body.age_encryption_recipients or None,
    )
    request_id = await call.runtime.submit(call.tenant, body.model_id, kind, body.seq_id, order.to_body())
    return future(request_id, body.model_id)


def _optimizer_config(body: LoadWeights) -> dict[str, Any] | None:
    """What the new run is to step by. An existing run, and moments that are restored, have their optimizer already."""
    if body.optimizer_config is None:
        return None
    if body.model_id is not None or body.optimizer:
        kept = "the checkpoint's optimizer state" if body.model_id is None else "the training run's optimizer"
        raise Invalid(f"optimizer_config can't replace {kept}: leave it out, or load weights only into a new run")
    config = body.optimizer_config.model_dump(exclude_none=True)
    training_runs.check_optimizer(config)
    return config


def _numbered(body: Save) -> str:
    """A name for a save that brings none: its seq_id, which no other save of the run has."""
    if body.seq_id is None:
        raise Invalid("path is absent, and so is seq_id: give the checkpoint a name")
    return f"{body.seq_id:06d}"
