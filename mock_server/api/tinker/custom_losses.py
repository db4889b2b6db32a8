"""Custom losses: uploaded where client/config says custom_loss_server_side, then named by forward_backward."""

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import future
from mock_server.api.tinker.bodies import CreateCustomLoss
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain.errors import Invalid
from mock_server.domain.orders import CreateCustomLossOrder

router = APIRouter(prefix=PREFIX, tags=["custom losses"], route_class=JsonRoute)

MAX_BYTES = 1 << 20


@router.post("/create_custom_loss")
async def create_custom_loss(body: CreateCustomLoss, call: TenantCall) -> Response:
    """Keep a loss function for the training runs of a session. What is wrong with it is the future's result."""
    order = CreateCustomLossOrder(name=body.name, inputs=body.inputs, graph=body.graph)
    size = len(order.to_bytes())
    if size > MAX_BYTES:
        raise Invalid(f"inputs and graph have {size} bytes as JSON: {MAX_BYTES} are the most, write a smaller loss")
    request_id = await call.runtime.create_custom_loss(call.tenant, body.session_id, body.custom_loss_seq_id, order)
    return future(request_id)
