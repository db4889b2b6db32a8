"""Weights to export, and the exported files as tensors."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from mock_server.domain.catalogue import Catalogue, CatalogueEntry
from mock_server.domain.exports import ADAPTER_CONFIG, ADAPTER_MODEL, AdapterWeights, Content, Part, adapter_files

RANK = 4
ALL_PARTS: frozenset[Part] = frozenset({"attn", "mlp", "unembed"})
ENTRIES: dict[str, CatalogueEntry] = {entry.arch: entry for entry in Catalogue.default()}
"""One base model for each architecture."""
QWEN = Catalogue.default()["Qwen/Qwen3-8B"]


def trained(parts: frozenset[Part] = ALL_PARTS, seed: int = 0, size: int = 3000) -> AdapterWeights:
    random = np.random.default_rng(seed)
    return AdapterWeights(values(random, size), values(random, 2 * size), RANK, parts)


def values(random: np.random.Generator, size: int) -> NDArray[np.float32]:
    return random.standard_normal(size).astype(np.float32)


def bytes_of(content: Content) -> bytes:
    return b"".join(content.read(0, content.size))


def model_file(entry: CatalogueEntry, weights: AdapterWeights) -> bytes:
    return bytes_of(adapter_files(entry, weights, "tiny")[ADAPTER_MODEL])


def tensors(entry: CatalogueEntry, weights: AdapterWeights) -> dict[str, NDArray[np.float32]]:
    return load(model_file(entry, weights))


def config(entry: CatalogueEntry, weights: AdapterWeights) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes_of(adapter_files(entry, weights, "tiny")[ADAPTER_CONFIG]))
    return found
