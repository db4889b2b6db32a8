"""A frozen snapshot of a model, for samplers. Later training does not reach it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mock_server.toy_model.adapter import AdapterShape
from mock_server.toy_model.base_tables import base_tables
from mock_server.toy_model.network import Network
from mock_server.toy_model.values import Array, BaseModel, LoraConfig


@dataclass(frozen=True, eq=False)
class Weights:
    """base: the base model.  rank: of the adapter.  parameters: the adapter, flat, read-only; shared, never copied."""

    base: BaseModel
    rank: int
    parameters: Array

    @classmethod
    def of_base(cls, base: BaseModel) -> "Weights":
        """The base model itself: an adapter of zeros."""
        zeros = np.zeros(AdapterShape.of(base, LoraConfig(rank=1)).size, np.float32)
        zeros.flags.writeable = False
        return cls(base, 1, zeros)

    @classmethod
    def load(cls, data: bytes) -> "Weights":
        """The weights in what TrainingState.dump wrote. Raises DamagedState."""
        from mock_server.toy_model.checkpoint import read  # noqa: PLC0415 - safetensors is not imported at start-up

        return read(data, optimizer=False).weights()

    @cached_property
    def network(self) -> Network:
        shape = AdapterShape.of(self.base, LoraConfig(rank=self.rank))
        return Network(base_tables(self.base), shape, shape.matrices(self.parameters))

    @property
    def nbytes(self) -> int:
        return self.parameters.nbytes
