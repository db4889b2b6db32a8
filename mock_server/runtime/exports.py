"""A stored checkpoint as files for other programs: what it takes to read the store and the toy model's own format."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from mock_server.domain import checkpoints
from mock_server.domain.catalogue import Catalogue, CatalogueEntry
from mock_server.domain.exports import (
    AdapterWeights,
    Bytes,
    Content,
    Part,
    Shapes,
    adapter_files,
    archived_files,
    is_archive,
    is_sealed,
    sealed,
    sealed_files,
    tar_of,
)
from mock_server.domain.paths import CheckpointPath
from mock_server.store import Store, Transaction
from mock_server.store.tables import Checkpoint
from mock_server.toy_model import LoraConfig, TrainingState
from mock_server.toy_model.adapter import AdapterShape, trained_features

TRAINING_STATE: Final = "training_state.safetensors"
"""A training checkpoint's weights and moments as the server itself stores them."""
COMPLETE: Final = "checkpoint_complete"
"""The empty file at an archive's end that the real service's archives have."""


@dataclass(frozen=True)
class Export:
    """A checkpoint's files by name. written_at: when it was saved, in seconds since the epoch.

    stored: its archive, where that lies on the disk already.
    """

    files: Mapping[str, Content]
    written_at: float
    stored: Content | None = None

    def archive(self) -> Content:
        """All files in one tar."""
        if self.stored is not None:
            return self.stored
        return tar_of({**self.files, COMPLETE: Bytes(b"")}, self.written_at)


async def export(store: Store, catalogue: Catalogue, tenant: str, path: CheckpointPath, shapes: Shapes) -> Export:
    """The files of a checkpoint that the tenant may read. Raises NotFound, DamagedArtifact."""
    checkpoint, content = await store.read(_stored, tenant, path)
    if is_archive(content):
        return Export(archived_files(content), checkpoint.created_at, Bytes(content))
    files = await asyncio.to_thread(_files, catalogue[checkpoint.base_model], checkpoint.kind, content, shapes)
    return Export(files, checkpoint.created_at)


def sealed_export(state: TrainingState, entry: CatalogueEntry, recipients: list[str]) -> bytes:
    """What is stored of an export that only its recipients can read."""
    return sealed(adapter_files(entry, _weights(state), "tiny"), recipients)


def _stored(tx: Transaction, tenant: str, path: CheckpointPath) -> tuple[Checkpoint, bytes]:
    checkpoint = checkpoints.readable(tx, tenant, path)
    return checkpoint, tx.read_artifact(checkpoint.artifact)


def _files(entry: CatalogueEntry, kind: str, content: bytes, shapes: Shapes) -> dict[str, Content]:
    if is_sealed(content):
        return sealed_files(content)
    files = adapter_files(entry, _weights(TrainingState.load(content, optimizer=False)), shapes)
    return {**files, TRAINING_STATE: Bytes(content)} if kind == "weights" else files


def _weights(state: TrainingState) -> AdapterWeights:
    """The numbers that are trained; a feature whose part is switched off has none."""
    matrices = AdapterShape.of(state.base, state.lora).matrices(state.parameters)
    trained = trained_features(state.lora)
    return AdapterWeights(
        a=np.concatenate([matrices.class_a[trained].ravel(), matrices.token_a[trained].ravel()]),
        b=np.concatenate([matrices.class_b.ravel(), matrices.token_b.ravel()]),
        rank=state.lora.rank,
        parts=_parts(state.lora),
    )


def _parts(lora: LoraConfig) -> frozenset[Part]:
    switches: dict[Part, bool] = {"attn": lora.train_attn, "mlp": lora.train_mlp, "unembed": lora.train_unembed}
    return frozenset(part for part, on in switches.items() if on)
