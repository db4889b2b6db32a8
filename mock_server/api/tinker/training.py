"""Training: forward_backward (and forward, which is one that leaves no gradients), optim_step."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from mock_server.api.call import Call, TenantCall
from mock_server.api.tinker.answers import future
from mock_server.api.tinker.bodies import Adam, OptimStep
from mock_server.api.tinker.numbered import NumberedRoute
from mock_server.api.tinker.prefix import PREFIX
from mock_server.codec import decode_header, decompress
from mock_server.domain.errors import Invalid
from mock_server.domain.operations import Body
from mock_server.domain.orders import OptimStepOrder
from mock_server.head import header as header_of

router = APIRouter(prefix=PREFIX, tags=["training"], route_class=NumberedRoute)


@router.post("/forward_backward")
async def forward_backward(request: Request, call: TenantCall) -> Response:
    """Queue a batch. The body is protobuf since SDK 0.25, JSON before; zstd where client/config asked for it."""
    return await _submit_batch(request, call, kind="forward_backward")


@router.post("/forward")
async def forward(request: Request, call: TenantCall) -> Response:
    """The same without gradients, as SDKs before 0.25 ask for it."""
    return await _submit_batch(request, call, kind="forward")


@router.post("/optim_step")
async def optim_step(body: OptimStep, call: TenantCall) -> Response:
    """Queue one optimizer step with the gradients collected since the last."""
    if body.optimizer_params is not None and body.adam_params is not None:
        raise Invalid("adam_params and optimizer_params are both there: give those of the run's optimizer")
    parameters = body.optimizer_params or body.adam_params or Adam()
    order = OptimStepOrder(
        optimizer=getattr(parameters, "type", "adamw"), parameters=parameters.model_dump(exclude={"type"})
    )
    request_id = await call.runtime.submit(call.tenant, body.model_id, "optim_step", body.seq_id, order.to_body())
    return future(request_id, body.model_id)


async def _submit_batch(request: Request, call: Call, kind: str) -> Response:
    content_type = header_of(request.scope, b"content-type", "")
    content = await request.body()
    encoding = header_of(request.scope, b"content-encoding")
    if encoding is not None:
        content = decompress(content, encoding, call.settings.max_body_bytes)
    header = decode_header(content, content_type)
    kind = "forward" if header.forward_only else kind
    request_id = await call.runtime.submit(
        call.tenant, header.model_id, kind, header.seq_id, Body.of(content_type, content)
    )
    return future(request_id, header.model_id)
