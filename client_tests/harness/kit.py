"""What client programs share. Runs in the SDK's interpreter, whatever its version."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import tinker
from tinker import types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BASE_MODEL = "Qwen/Qwen3-8B"
TOKENS = list(range(100, 124))


def datum(tokens: Sequence[int] = tuple(TOKENS)) -> types.Datum:
    """Learn each token from those before it, all with weight 1."""
    return types.Datum(
        model_input=types.ModelInput.from_ints(list(tokens[:-1])),
        loss_fn_inputs={
            "target_tokens": types.TensorData(data=list(tokens[1:]), dtype="int64", shape=[len(tokens) - 1]),
            "weights": types.TensorData(data=[1.0] * (len(tokens) - 1), dtype="float32", shape=[len(tokens) - 1]),
        },
    )


def adam(learning_rate: float = 1e-3) -> types.AdamParams:
    return types.AdamParams(learning_rate=learning_rate)


def trainer(service_client: Any, **options: Any) -> Any:
    """A small training client, the same in every program."""
    client = service_client.create_lora_training_client(BASE_MODEL, **{"rank": 4, "seed": 7} | options)
    # A future since 0.3x, the client itself before.
    return client.result() if hasattr(type(client), "result") else client


def rest(service_client: Any) -> Any:
    """A RestClient of this program's tenant. Without arguments the SDK would hand out one of an earlier program."""
    if hasattr(tinker, "RestClient"):
        return tinker.RestClient(base_url=os.environ["TINKER_BASE_URL"], api_key=os.environ["TINKER_API_KEY"])
    return service_client.create_rest_client()


def steps(training_client: Any, count: int, data: Sequence[types.Datum] | None = None) -> list[float]:
    """Train so many steps; returns the loss before each."""
    losses = []
    for _ in range(count):
        backward = training_client.forward_backward(list(data or [datum()]), "cross_entropy")
        step = training_client.optim_step(adam())
        losses.append(backward.result().metrics["loss:sum"])
        step.result()
    return losses


def logprobs(output: Any) -> list[list[float]]:
    """A forward's log-probabilities, datum by datum."""
    return [list(each["logprobs"].data) for each in output.loss_fn_outputs]


def prompt(tokens: Sequence[int] = tuple(TOKENS)) -> types.ModelInput:
    return types.ModelInput.from_ints(list(tokens))


def greedy(max_tokens: int = 8, **more: Any) -> types.SamplingParams:
    return types.SamplingParams(max_tokens=max_tokens, temperature=0.0, stop=[], **more)


def raised(call: Callable[[], object]) -> dict[str, Any]:
    """What a call raises, its type's name and its text; an error if it raises nothing."""
    try:
        value = call()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return {
            "type": type(error).__name__,
            "message": str(error),
            "status": getattr(error, "status_code", None),
            "body": getattr(error, "body", None),
            "category": str(getattr(error, "category", "")).rpartition(".")[2].lower(),
        }
    raise AssertionError(f"nothing was raised, but {value!r} returned")


def close(service_client: Any) -> None:
    """End the session, so that no heartbeat of this program reaches a later one's server."""
    if hasattr(service_client, "close") and not getattr(service_client, "_closed", False):
        service_client.close("success").result(timeout=20)


SDK_VERSION = getattr(tinker, "__version__", "unknown")
