"""A small real language model in numpy: exact gradients, true probabilities, milliseconds a step.

Importing this package imports numpy and nothing heavier.
"""

from mock_server.toy_model.decoder import Decoder
from mock_server.toy_model.errors import DamagedState, InvalidInput
from mock_server.toy_model.sampling import (
    PromptScores,
    Ranked,
    Responder,
    SampledSequence,
    SampleRequest,
    SampleResult,
    StopText,
)
from mock_server.toy_model.training import TrainingState
from mock_server.toy_model.values import (
    AdamParams,
    BaseModel,
    Datum,
    DimuonParams,
    ForwardBackwardResult,
    LoraConfig,
)
from mock_server.toy_model.weights import Weights

__all__ = [
    "AdamParams",
    "BaseModel",
    "DamagedState",
    "Datum",
    "Decoder",
    "DimuonParams",
    "ForwardBackwardResult",
    "InvalidInput",
    "LoraConfig",
    "PromptScores",
    "Ranked",
    "Responder",
    "SampleRequest",
    "SampleResult",
    "SampledSequence",
    "StopText",
    "TrainingState",
    "Weights",
]
