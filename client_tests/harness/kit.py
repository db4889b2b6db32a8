"""What client programs share. Runs in the SDK's interpreter, whatever its version."""

from __future__ import annotations

import json
import logging
import os
import time
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import tinker
from tinker import types

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BASE_MODEL = "Qwen/Qwen3-8B"
TOKENS = list(range(100, 124))
_CLOSED: list[Any] = []


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
    return client(service_client.create_lora_training_client(BASE_MODEL, **{"rank": 4, "seed": 7} | options))


def client(made: Any) -> Any:
    """The training or sampling client that a method made: SDKs up to 0.36 return it, newer ones a future of it."""
    return made.result() if hasattr(type(made), "result") else made


def has(name: str) -> bool:
    """Whether this SDK has a public name: `Class`, `Class.method` or `Class.method(parameter)`."""
    owner, _, rest = name.partition(".")
    method, _, parameter = rest.rstrip(")").partition("(")
    # Not every SDK exports its RestClient.
    module = import_module("tinker.lib.public_interfaces.rest_client") if owner == "RestClient" else tinker
    found = getattr(getattr(module, owner, None), method, None) if method else getattr(module, owner, None)
    return found is not None and (not parameter or parameter in signature(found).parameters)


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


def control(method: str, path: str, **body: Any) -> Any:
    """Ask the server's control plane, in the name of this program's tenant; None where the answer has no body."""
    content = json.dumps({**body, "api_key": os.environ["TINKER_API_KEY"]}).encode() if body else None
    request = Request(f"{os.environ['TINKER_BASE_URL']}/__admin/{path}", content, method=method)
    request.add_header("Content-Type", "application/json")
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or "null")


def clock(mode: str) -> None:
    """Give this program's tenant a clock of that mode (docs/clock.md)."""
    control("PUT", "clock", mode=mode)


def advance(seconds: float) -> None:
    """Move its clock on; returns when all has happened that fell due."""
    control("POST", "clock/advance", seconds=seconds)


def now() -> float:
    """What its clock shows, in seconds since the epoch."""
    return float(control("GET", f"clock?api_key={os.environ['TINKER_API_KEY']}")["now"])


def until_waiting() -> None:
    """Return when a request of the SDK waits at the server for time to pass."""
    while not control("GET", f"clock?api_key={os.environ['TINKER_API_KEY']}")["waiting"]:
        time.sleep(0.005)


def loaded(url: str) -> int:
    """The status with which an address is answered, by a client that knows only it."""
    try:
        with urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


def pauses_said() -> list[str]:
    """What the SDK says to its user from now on, of paused queues without the while for which it keeps quiet."""
    from tinker.lib import queue_state_logger

    queue_state_logger.PAUSE_GRACE_PERIOD = 0
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("tinker").addHandler(handler)
    return said


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
    if hasattr(service_client, "close"):
        if not getattr(service_client, "_closed", False):
            service_client.close("success").result(timeout=20)
    elif service_client is not None:
        # SDKs up to 0.26 can't say that a session ends; they stop beating. A client that is let go closes once more,
        # and in 0.3.0 waits for its own thread if the garbage collector happens to run there: so none is let go.
        service_client.holder.close()
        _CLOSED.append(service_client)
