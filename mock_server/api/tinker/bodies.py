"""Request bodies of the Tinker dialect.

Lenient on purpose: fields of newer SDK versions are ignored, and null is the same as absent (releases up to 0.15 send
it for everything that was not set). Only what a rule needs is demanded; but a number is a number and no text of one, as
openapi.yaml says.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _whole(value: object) -> object:
    return int(value) if type(value) is float and value.is_integer() else value


WHOLE = BeforeValidator(_whole)  # JSON knows one kind of number: 1.0 is as whole as 1
Integer = Annotated[int, WHOLE]
SeqId = Annotated[int, Field(ge=0, lt=2**43), WHOLE]
# Copies of a sampling client count from a random multiple of a billion on.
SampleSeqId = Annotated[int, Field(ge=0, lt=2**63), WHOLE]
Number = Annotated[int, Field(ge=0, lt=2**31), WHOLE]
Seconds = Annotated[int, Field(ge=0), WHOLE]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Metadata = dict[str, Any]


class Body(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=(), strict=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, given: Any) -> Any:
        if isinstance(given, dict) and None in given.values():
            return {name: value for name, value in given.items() if value is not None}
        return given


class ClientConfig(Body):
    sdk_version: str = ""


class CreateSession(Body):
    tags: list[str] = []
    user_metadata: Metadata = {}
    sdk_version: str | None = None
    project_id: str | None = None
    display_name: str | None = None


class Heartbeat(Body):
    session_id: str


class FinishReason(Body):
    type: Literal["success", "errored", "interrupted"]


class FinishSession(Body):
    reason: FinishReason
    detail: str | None = None


class AssignProject(Body):
    project_id: Annotated[str, Field(min_length=1)]


class SearchOwner(Body):
    type: Literal["own", "accessible", "user"] = "own"
    owner_urns: Annotated[list[str], Field(max_length=10)] = []


class StatusQuery(Body):
    type: Literal["active", "cancelled", "failed", "client_finished"]
    reasons: Annotated[list[Literal["success", "errored", "interrupted"]], Field(min_length=1)] | None = None


class SearchCursor(Body):
    last_session_id: str


class SearchSessions(Body):
    session_id: str | None = None
    project_ids: list[str] | None = None
    user_metadata: dict[str, str] = {}
    display_name: Annotated[str, Field(min_length=1)] | None = None
    owner: SearchOwner = SearchOwner()
    statuses: Annotated[list[StatusQuery], Field(min_length=1)] | None = None
    limit: Annotated[int, Field(ge=1, le=200), WHOLE] = 50
    cursor: SearchCursor | None = None


class Lora(Body):
    rank: Integer = 32
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63), WHOLE] | None = None
    train_unembed: bool = True
    train_mlp: bool = True
    train_attn: bool = True


class Optimizer(Body):
    type: str = "adamw"
    version: Integer | None = None


class CreateModel(Body):
    session_id: str
    model_seq_id: Number
    base_model: str
    user_metadata: Metadata = {}
    lora_config: Lora = Lora()
    optimizer_config: Optimizer = Optimizer()


class ModelReference(Body):
    model_id: str


class Adam(Body):
    """Defaults are the SDK's."""

    learning_rate: Finite = 1e-4
    beta1: Finite = 0.9
    beta2: Finite = 0.95
    eps: Finite = 1e-12
    weight_decay: Finite = 0.0
    grad_clip_norm: Finite = 0.0


class Dimuon(Body):
    type: Literal["dimuon"] = "dimuon"
    learning_rate: Finite
    grad_clip_norm: Finite = 0.0
    beta1: Finite = 0.9


class OptimStep(Body):
    model_id: str
    seq_id: SeqId | None = None
    adam_params: Adam | None = None
    optimizer_params: Dimuon | None = None


class Save(Body):
    """save_weights, save_weights_for_sampler and save_weights_external."""

    model_id: str
    path: str | None = None
    seq_id: SeqId | None = None
    sampling_session_seq_id: Number | None = None
    kind: Literal["snapshot", "inflight"] = "snapshot"
    ttl_seconds: Seconds | None = None
    overwrite: bool = False
    user_metadata: Metadata | None = None
    age_encryption_recipients: list[str] = []


class LoadWeights(Body):
    """Into a run (`model_id`), or as a new run (`session_id` and `model_seq_id`)."""

    path: str
    optimizer: bool = True
    model_id: str | None = None
    seq_id: SeqId | None = None
    session_id: str | None = None
    model_seq_id: Number | None = None
    base_model: str | None = None
    user_metadata: Metadata = {}
    optimizer_config: Optimizer | None = None
    weights_access_token: str | None = None


class CopyWeights(Body):
    source_path: str
    session_id: str | None = None
    model_seq_id: Number | None = None
    destination_project_id: str | None = None
    ttl_seconds: Seconds | None = None


class CreateSamplingSession(Body):
    session_id: str
    sampling_session_seq_id: Number
    base_model: str | None = None
    model_path: str | None = None


class SamplerReference(Body):
    sampling_session_id: str


class Prompt(Body):
    chunks: list[dict[str, Any]]


class SamplingParams(Body):
    max_tokens: Annotated[int, Field(ge=0), WHOLE] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**64), WHOLE] | None = None
    stop: str | list[str] | list[Integer] | None = None
    temperature: Annotated[Finite, Field(ge=0)] = 1.0
    top_k: Annotated[int, Field(ge=-1), WHOLE] = -1
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


class Sample(Body):
    sampling_session_id: str
    seq_id: SampleSeqId
    prompt: Prompt
    sampling_params: SamplingParams = SamplingParams()
    num_samples: Annotated[int, Field(ge=1, le=4096), WHOLE] = 1
    prompt_logprobs: bool = False
    topk_prompt_logprobs: Annotated[int, Field(ge=0, le=1000), WHOLE] = 0
    topk_sample_logprobs: Annotated[int, Field(ge=0, le=1000), WHOLE] = 0
    prompt_alt_tokens_k: Annotated[int, Field(ge=0, le=1000), WHOLE] = 0
    prompt_logprobs_last_n: Annotated[int, Field(ge=1), WHOLE] | None = None
    target_prompt_logprobs: dict[str, Any] | None = None


class CreateCustomLoss(Body):
    """What the graph holds is checked as a whole, and what is wrong with it is the future's result."""

    session_id: str
    custom_loss_seq_id: Number
    name: str = "custom loss"
    inputs: list[dict[str, Any]]
    graph: dict[str, Any]


class RetrieveFuture(Body):
    request_id: str
    allow_metadata_only: bool = False


class SamplingSessionTarget(Body):
    type: Literal["sampling_session"] = "sampling_session"
    sampling_session_id: str
    cloned_sampler_id: Number = 0


class RetrieveFutures(Body):
    target: SamplingSessionTarget
    prev_cursor: Annotated[int, Field(ge=0), WHOLE] = 0
    timeout: Annotated[Finite, Field(ge=0)] | None = None
    retrieved_request_ids: list[str] = []


class CancelFuture(Body):
    request_id: str


class WeightsInfo(Body):
    tinker_path: str


class SetTtl(Body):
    ttl_seconds: Seconds | None = None


class Telemetry(Body):
    events: list[dict[str, Any]] = []
    session_id: str | None = None
    platform: str | None = None
    sdk_version: str | None = None
