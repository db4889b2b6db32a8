"""One datum's loss: run forwards by the program, and backwards by the tape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mock_server.toy_model.custom_loss.arguments import resolve
from mock_server.toy_model.custom_loss.program import Program
from mock_server.toy_model.custom_loss.tape import NODE_WORK, Tape, Tensor, Work, kind_of
from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.values import Array


@dataclass(frozen=True)
class DatumLoss:
    """loss: a number.  slope: d loss / d logprobs, in the shape of logprobs.  metrics: by their full names."""

    loss: float
    slope: Array
    metrics: Mapping[str, float]


def evaluate(program: Program, logprobs: Array, inputs: Sequence[Array], work: Work) -> DatumLoss:
    """The loss of one datum; inputs in the program's order. Raises InvalidInput, which names the node that failed."""
    tape = Tape(work)
    variable = tape.variable(_widest(logprobs))
    results: list[Any] = [variable, *(Tensor(_widest(values)) for values in inputs)]
    # Infinities and NaN are a loss's own affair until they reach its result, as in torch.
    with np.errstate(all="ignore"):
        for node in program.nodes:
            try:
                work.spend(NODE_WORK)
                arguments = resolve(node.arguments, results)
                results.append(node.operation(tape, *arguments, **resolve(node.keywords, results)))
            except InvalidInput as error:
                raise InvalidInput(f"node {node.name!r} ({node.target}): {error}") from None
            except Exception as error:
                raise InvalidInput(f"node {node.name!r} ({node.target}) fails: {error}") from error
        loss = _loss(results[program.loss])
        slope = tape.slope(loss, variable)
        metrics = {key: _metric(key, results[place]) for key, place in program.metrics.items()}
    return DatumLoss(float(loss.data), slope, metrics)


def _widest(values: Array) -> Array:
    return values.astype(np.float64 if values.dtype.kind == "f" else np.int64, copy=False)


def _loss(result: Any) -> Tensor:
    if not isinstance(result, Tensor):
        raise InvalidInput(f"it returns {kind_of(result)} as its loss: return a scalar tensor")
    if result.shape != ():
        raise InvalidInput(f"its loss has shape {list(result.shape)}: return a scalar, such as a sum")
    if not result.varies:
        raise InvalidInput(
            "its loss does not depend on logprobs, so nothing can be learned from it: use logprobs in it"
        )
    return result


def _metric(key: str, result: Any) -> float:
    value = result.data if isinstance(result, Tensor) else result
    if np.size(value) != 1 or not isinstance(result, Tensor | bool | int | float):
        raise InvalidInput(f"its metric {key} is not one number: return a scalar tensor")
    return float(np.asarray(value).item())
