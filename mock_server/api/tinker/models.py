"""Models, which are training runs being worked on: created, described, unloaded."""

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import future, json_response
from mock_server.api.tinker.bodies import CreateModel, ModelReference
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import training_runs
from mock_server.domain.errors import Invalid
from mock_server.domain.orders import CreateModelOrder, UnloadOrder
from mock_server.domain.training_runs import Adapter, NewRun

router = APIRouter(prefix=PREFIX, tags=["models"], route_class=JsonRoute)


@router.post("/create_model")
async def create_model(body: CreateModel, call: TenantCall) -> Response:
    """Create a training run with a fresh adapter. 404 for a base model that is not in the catalogue."""
    entry = call.runtime.catalogue[body.base_model]
    if not entry.trainable:
        raise Invalid(f"base_model {entry.name!r} can't be trained: choose one whose capabilities say trainable")
    lora = body.lora_config
    adapter = Adapter(lora.rank, lora.seed, lora.train_mlp, lora.train_attn, lora.train_unembed)
    optimizer = body.optimizer_config.model_dump(exclude_none=True)
    training_runs.check_optimizer(optimizer)
    new = NewRun(body.session_id, body.model_seq_id, entry.name, adapter, optimizer, body.user_metadata)
    order = CreateModelOrder(base_model=entry.name, lora=lora.model_dump(), optimizer=optimizer)
    run_id, request_id = await call.runtime.create_run(call.tenant, new, order, "create_model")
    return future(request_id, run_id)


@router.post("/get_info")
async def get_info(body: ModelReference, call: TenantCall) -> Response:
    """What a model is. Every TrainingClient asks once, before its first operation."""
    run = await call.read(training_runs.owned, body.model_id)
    entry = call.runtime.catalogue[run.base_model]
    model_data = {"arch": entry.arch, "model_name": run.base_model, "tokenizer_id": entry.repository}
    return json_response(
        {
            "type": "get_info",
            "model_data": model_data,
            "model_id": run.id,
            "optimizer_config": run.optimizer,
            "is_lora": True,
            "lora_rank": run.rank,
            "model_name": run.base_model,
        }
    )


@router.post("/unload_model")
async def unload_model(body: ModelReference, call: TenantCall) -> Response:
    """Let a model go, after everything that it has been asked so far. Its checkpoints stay."""
    request_id = await call.runtime.submit(call.tenant, body.model_id, "unload_model", None, UnloadOrder().to_body())
    return future(request_id, body.model_id)
