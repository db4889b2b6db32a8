"""A checkpoint's weights as the files of a LoRA adapter: `adapter_config.json` and `adapter_model.safetensors`.

The toy model is no transformer, so its adapter can't be the equal of one. What carries over is what programs look at:
names and shapes are the real service's, an untrained run is the identity (B is zero), equal weights give equal bytes,
and no weight can change without the file changing.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from mock_server.domain.exports.content import Bytes, Content, Cut, Joined, Loop
from mock_server.domain.exports.real_models import real_config
from mock_server.domain.exports.targets import Part, Target, targets_of
from mock_server.domain.tokenizers import tiny_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mock_server.domain.catalogue import CatalogueEntry

Shapes = Literal["tiny", "real"]
"""Whose shapes the tensors have: those of the tiny model that our hub serves, or those of the real one."""

ADAPTER_CONFIG: Final = "adapter_config.json"
ADAPTER_MODEL: Final = "adapter_model.safetensors"
LORA_ALPHA: Final = 32
"""The service's, whatever the rank."""
_FLOAT_BYTES: Final = 4


@dataclass(frozen=True)
class AdapterWeights:
    """Trained weights. a, b: every number that belongs to a LoRA's A and B, float32, in any fixed order."""

    a: NDArray[np.float32]
    b: NDArray[np.float32]
    rank: int
    parts: frozenset[Part]


def adapter_files(entry: CatalogueEntry, weights: AdapterWeights, shapes: Shapes) -> dict[str, Content]:
    """The adapter's files by name, to be read piece by piece."""
    config = tiny_model(entry).config if shapes == "tiny" else real_config(entry)
    targets = [target for target in targets_of(config) if target.part in weights.parts]
    return {
        ADAPTER_CONFIG: Bytes(_config(entry, weights.rank, targets)),
        ADAPTER_MODEL: _model(targets, weights),
    }


def _config(entry: CatalogueEntry, rank: int, targets: Sequence[Target]) -> bytes:
    leaves = {target.name.rpartition(".")[2] for target in targets}
    # What PEFT looks for is the module of the model, and only there is the head called otherwise than in our file.
    modules = sorted("lm_head" if leaf == "unembed_tokens" else leaf for leaf in leaves)
    config = {
        "base_model_name_or_path": entry.repository,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": LORA_ALPHA,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": modules,
        "task_type": "CAUSAL_LM",
    }
    return (json.dumps(config, indent=2) + "\n").encode()


def _model(targets: Sequence[Target], weights: AdapterWeights) -> Content:
    """A safetensors file: the header's length (u64, little-endian), the header, the tensors one behind the other."""
    tensors: dict[str, tuple[Literal["A", "B"], tuple[int, ...]]] = {}
    for target in targets:
        shape_a, shape_b = _pair(target, weights.rank)
        tensors[f"base_model.model.{target.name}.lora_A.weight"] = ("A", shape_a)
        tensors[f"base_model.model.{target.name}.lora_B.weight"] = ("B", shape_b)

    fingerprint = blake2b(weights.a.tobytes() + weights.b.tobytes(), digest_size=16).hexdigest()
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "weights": fingerprint}}
    used = {"A": 0, "B": 0}
    places: list[tuple[Literal["A", "B"], int, int]] = []
    end = 0
    for name, (side, shape) in tensors.items():
        size = math.prod(shape) * _FLOAT_BYTES
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        places.append((side, used[side], size))
        used[side] += size
        end += size

    described = json.dumps(header, separators=(",", ":")).encode()
    described += b" " * (-len(described) % 8)  # readers map tensors into memory, aligned
    loops = _loops(weights, used)
    cuts = [Cut(loops[side], offset, size) for side, offset, size in places]
    return Joined([Bytes(len(described).to_bytes(8, "little") + described), *cuts])


def _pair(target: Target, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of A and B; those of experts are stacked, with one for all on the shared side."""
    a, b = (rank, target.inputs), (target.outputs, rank)
    if target.experts is None:
        return a, b
    return (1 if target.shared == "A" else target.experts, *a), (1 if target.shared == "B" else target.experts, *b)


def _loops(weights: AdapterWeights, used: Mapping[str, int]) -> dict[str, Loop]:
    """The numbers that all tensors of a side are cut from, one behind the other and from the beginning again."""
    values = {"A": weights.a, "B": weights.b}
    return {side: Loop(_folded(values[side], size // _FLOAT_BYTES).tobytes()) for side, size in used.items() if size}


def _folded(values: NDArray[np.float32], room: int) -> NDArray[np.float32]:
    """The values, laid over each other and added up where there is less room, so that none is left out."""
    if len(values) <= room:
        return values
    padded = np.zeros(-(-len(values) // room) * room, np.float32)
    padded[: len(values)] = values
    folded: NDArray[np.float32] = padded.reshape(-1, room).sum(axis=0)
    return folded
