"""What an operation is asked to do, the same for every dialect. A door turns its own request into one of these.

Stored as the operation's body, so that a restarted server can read it again; forward_backward's body is the protobuf
message that the client sent.
"""

from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mock_server.domain.operations import Body

ORDER_TYPE = "application/json"


class Order(BaseModel):
    """The body of an operation."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
    drawn_anew: ClassVar[set[str]] = set()
    """Fields that a client gives another value when it repeats a request."""

    def to_bytes(self) -> bytes:
        """The stored form."""
        return self.model_dump_json(exclude_none=True).encode()

    def to_body(self) -> Body:
        """The operation's body. Equal orders have equal digests, which is how a repeat is told from a conflict."""
        body = Body.of(ORDER_TYPE, self.to_bytes())
        if not self.drawn_anew:
            return body
        identity = self.model_dump_json(exclude_none=True, exclude=self.drawn_anew).encode()
        return replace(body, digest=Body.of(ORDER_TYPE, identity).digest)


class CreateModelOrder(Order):
    """Make a run's fresh adapter. What it is made of stands in the run's row."""

    base_model: str
    lora: dict[str, Any]
    optimizer: dict[str, Any]


class OptimStepOrder(Order):
    """One optimizer step with these parameters."""

    optimizer: str = "adamw"
    parameters: dict[str, float]


class SaveOrder(Order):
    """Save under a name; for a sampler without a name, `sampler_number` says which of its session it is.

    with_sampler: both, a checkpoint under the name and the sampler of that number.
    age_recipients: to whom exported files are encrypted.
    """

    # The SDK counts on with each attempt to send the same save, so a lost answer is followed by another number.
    drawn_anew: ClassVar[set[str]] = {"sampler_number"}

    name: str | None = None
    sampler_number: int | None = None
    with_sampler: bool = False
    ttl_seconds: int | None = None
    overwrite: bool = False
    user_metadata: dict[str, Any] | None = None
    age_recipients: list[str] | None = None


class LoadOrder(Order):
    """Load a checkpoint's weights, with or without its optimizer's moments."""

    path: str
    optimizer: bool
    reader: str | None = None
    """The tenant whose weights_access_token came with the request."""
    optimizer_config: dict[str, Any] | None = None
    """The optimizer of a new run that takes the weights only; None is Adam."""


class UnloadOrder(Order):
    """Let the run go."""


class CreateCustomLossOrder(Order):
    """Keep a loss function: its inputs [{name, rank}] and its graph {format, nodes}, as the SDK traced them."""

    name: str
    inputs: list[dict[str, Any]]
    graph: dict[str, Any]


class SamplingParameters(Order):
    """How to draw tokens. `stop`: None is the tokenizer's end-of-text, an empty list nothing at all."""

    max_tokens: Annotated[int, Field(ge=0)] | None = None
    seed: int | None = None
    stop: list[str] | list[int] | None = None
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    top_k: Annotated[int, Field(ge=-1)] = -1
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


class SampleOrder(Order):
    """Sample continuations of a prompt, and say what was asked about the prompt itself."""

    prompt: list[dict[str, Any]]
    parameters: SamplingParameters = SamplingParameters()
    num_samples: Annotated[int, Field(ge=1, le=4096)] = 1
    prompt_logprobs: bool = False
    topk_prompt_logprobs: Annotated[int, Field(ge=0, le=1000)] = 0
    topk_sample_logprobs: Annotated[int, Field(ge=0, le=1000)] = 0
    prompt_alt_tokens_k: Annotated[int, Field(ge=0, le=1000)] = 0
    prompt_logprobs_last_n: Annotated[int, Field(ge=1)] | None = None
    target_prompt_logprobs: dict[str, Any] | None = None
