"""A training state as bytes: a safetensors file that any tool can open, exact to the last bit.

Imported on first use only, because it needs safetensors.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from mock_server.toy_model.adapter import AdapterShape
from mock_server.toy_model.errors import DamagedState, InvalidInput
from mock_server.toy_model.values import Array, BaseModel, LoraConfig

if TYPE_CHECKING:
    from mock_server.toy_model.training import TrainingState

FORMAT = "toy-model-1"
DESCRIPTION = "training_state"


def write(state: "TrainingState", *, gradients: bool, optimizer: bool) -> bytes:
    """Tensors, float32 [size] each: weights, one per optimizer moment and, if asked for and present, gradients.

    Equal states give equal bytes. The description is one entry, since safetensors writes several in random order.
    """
    tensors = {"weights": state.parameters, **(state.optimizer.moments if optimizer else {})}
    if gradients and state.gradient is not None:
        tensors["gradients"] = state.gradient
    description = {
        "format": FORMAT,
        "base": asdict(state.base),
        "lora": asdict(state.lora),
        "optimizer": state.optimizer_name,
        "optimizer_steps": state.optimizer_steps,
    }
    return save_tensors(tensors, {DESCRIPTION: json.dumps(description)})


def read(data: bytes, *, optimizer: bool, fresh: str | None = None) -> "TrainingState":
    """The state in these bytes; without `optimizer`, its weights under a new one: `fresh`, or the file's own kind.

    Raises DamagedState.
    """
    from mock_server.toy_model.training import TrainingState, new_optimizer  # noqa: PLC0415 - training imports this module

    description = _description(data)
    try:
        tensors = load_tensors(data)
    except SafetensorError as e:
        raise DamagedState(f"the file is not a readable safetensors file ({e}): restore it from its source") from e
    if description.get("format") != FORMAT:
        raise DamagedState(
            f"the file has the format {description.get('format')!r}, not {FORMAT!r}: it is no training state"
        )
    try:
        fields = description["base"]
        base = BaseModel(**{**fields, "end_of_text": tuple(fields["end_of_text"])})
        lora = LoraConfig(**description["lora"])
        steps = int(description["optimizer_steps"])
        shape = AdapterShape.of(base, lora)
        name = description["optimizer"] if optimizer or fresh is None else fresh
        rule = new_optimizer(name, shape)
    except (KeyError, TypeError, ValueError, InvalidInput) as e:
        raise DamagedState(f"the file's description of its run is damaged ({type(e).__name__}: {e})") from e

    weights = _tensor(tensors, "weights", shape)
    weights.flags.writeable = False
    state = TrainingState(base, lora, weights, name, rule)
    if optimizer:
        state.optimizer_steps = steps
        rule.moments.update({name: _tensor(tensors, name, shape) for name in rule.moments})
        if "gradients" in tensors:
            state.gradient = _tensor(tensors, "gradients", shape)
    return state


def optimizer_steps_in(data: bytes) -> int:
    """How many optimizer steps the weights in these bytes have made. Raises DamagedState."""
    try:
        return int(_description(data)["optimizer_steps"])
    except (KeyError, TypeError, ValueError) as e:
        raise DamagedState(f"the file's description of its run is damaged ({type(e).__name__}: {e})") from e


def _description(data: bytes) -> Mapping[str, Any]:
    """A safetensors file starts with the length of its JSON header (u64, little-endian) and the header itself."""
    try:
        header: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return dict(json.loads(header.get("__metadata__", {}).get(DESCRIPTION, "{}")))
    except (ValueError, AttributeError, TypeError, OverflowError) as e:
        raise DamagedState(f"the file has no readable safetensors header ({e}): restore it from its source") from e


def _tensor(tensors: Mapping[str, Array], name: str, shape: AdapterShape) -> Array:
    tensor = tensors.get(name)
    if tensor is None:
        raise DamagedState(f"the file has no tensor {name!r}")
    if tensor.shape != (shape.size,) or tensor.dtype != np.float32:
        raise DamagedState(
            f"the tensor {name!r} is {tensor.dtype} {list(tensor.shape)}, not float32 [{shape.size}] as its run needs"
        )
    if not np.isfinite(tensor).all():
        raise DamagedState(f"the tensor {name!r} holds values that are not finite")
    return tensor.copy()  # safetensors may hand out views of the file's bytes, which are read-only and unaligned
