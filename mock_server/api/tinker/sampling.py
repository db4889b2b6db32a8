"""Sampling: samplers made, described, joined, and asked."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from mock_server.api.call import TenantCall
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import cursor, future, json_response
from mock_server.api.tinker.bodies import CreateSamplingSession, Sample, SamplerReference
from mock_server.api.tinker.parameters import Limit, Offset
from mock_server.api.tinker.prefix import PREFIX
from mock_server.domain import samplers
from mock_server.domain.errors import Invalid
from mock_server.domain.orders import SampleOrder, SamplingParameters
from mock_server.domain.samplers import NewSampler
from mock_server.store.tables import Sampler

router = APIRouter(prefix=PREFIX, tags=["sampling"], route_class=JsonRoute)


@router.post("/create_sampling_session")
async def create_sampling_session(body: CreateSamplingSession, call: TenantCall) -> Response:
    """A sampler of a base model or of a checkpoint."""
    if body.base_model is not None and not call.runtime.catalogue[body.base_model].sampleable:
        raise Invalid(f"base_model {body.base_model!r} can't be sampled: choose one whose capabilities say sampleable")
    new = NewSampler(body.session_id, body.sampling_session_seq_id, body.base_model, body.model_path)
    sampler = await call.write(samplers.create, new)
    return json_response({"sampling_session_id": sampler.id, "type": "create_sampling_session"})


@router.get("/samplers")
async def list_samplers(call: TenantCall, limit: Limit = 20, offset: Offset = 0) -> Response:
    """The tenant's samplers, newest first."""
    found, total = await call.read(samplers.page, limit=limit, offset=offset)
    return json_response(
        {
            "samplers": [_described(sampler) for sampler in found],
            "cursor": cursor(offset=offset, limit=limit, total=total),
        }
    )


@router.get("/samplers/{sampler_id}")
async def get_sampler(sampler_id: str, call: TenantCall) -> Response:
    """What a sampler samples from."""
    return json_response(_described(await call.read(samplers.owned, sampler_id)))


@router.post("/join_sampling_session")
async def join_sampling_session(body: SamplerReference, call: TenantCall) -> Response:
    """A number for a copy of a sampling client: its seq_ids begin at that many billions."""
    counter = await call.write(samplers.join, body.sampling_session_id)
    return json_response({"client_counter": counter, "type": "join_sampling_session"})


@router.post("/asample")
async def asample(body: Sample, call: TenantCall) -> Response:
    """Queue a sample, or the log-probabilities of a prompt."""
    order = sample_order(body)
    request_id, sequence_ids = await call.runtime.sample(call.tenant, body.sampling_session_id, body.seq_id, order)
    return future(request_id, sequence_ids=sequence_ids)


def sample_order(body: Sample) -> SampleOrder:
    """What is asked, in our own terms."""
    given = body.sampling_params
    parameters = SamplingParameters.model_construct(
        max_tokens=given.max_tokens,
        seed=given.seed,
        stop=[given.stop] if isinstance(given.stop, str) else given.stop,
        temperature=given.temperature,
        top_k=given.top_k,
        top_p=given.top_p,
    )
    return SampleOrder.model_construct(
        prompt=body.prompt.chunks,
        parameters=parameters,
        num_samples=body.num_samples,
        prompt_logprobs=body.prompt_logprobs,
        topk_prompt_logprobs=body.topk_prompt_logprobs,
        topk_sample_logprobs=body.topk_sample_logprobs,
        prompt_alt_tokens_k=body.prompt_alt_tokens_k,
        prompt_logprobs_last_n=body.prompt_logprobs_last_n,
        target_prompt_logprobs=body.target_prompt_logprobs,
    )


def _described(sampler: Sampler) -> dict[str, Any]:
    return {"sampler_id": sampler.id, "base_model": sampler.base_model, "model_path": sampler.model_path}
