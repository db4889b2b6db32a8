"""What each kind of operation does to a run's state. Plain functions, run by the executor's thread."""

import json
from typing import Any, NamedTuple

from mock_server.codec import decode_training_request, encode_forward_backward
from mock_server.domain.catalogue import CatalogueEntry
from mock_server.domain.operations import Body
from mock_server.domain.orders import OptimStepOrder
from mock_server.runtime.base_models import base_model
from mock_server.runtime.custom_losses import CUSTOM, Prepare
from mock_server.store.tables import Checkpoint, TrainingRun
from mock_server.toy_model import AdamParams, DimuonParams, InvalidInput, LoraConfig, TrainingState

FORWARD_BACKWARD = "application/x-protobuf; message=ForwardBackwardOutput"
JSON = "application/json"
KINDS = frozenset({"forward", "forward_backward", "optim_step"})
"""The kinds whose outcome depends on nothing but the run's state."""


class Applied(NamedTuple):
    """What came of an operation: its result's bytes, and how many tokens of data went into it."""

    result: bytes
    tokens: int


def fresh_state(entry: CatalogueEntry, run: TrainingRun) -> TrainingState:
    """A run that has not been trained: the base model exactly."""
    lora = LoraConfig(
        rank=run.rank,
        seed=run.lora_seed,
        train_mlp=run.train_mlp,
        train_attn=run.train_attn,
        train_unembed=run.train_unembed,
    )
    return TrainingState.fresh(base_model(entry, run.prior_size), lora, run.optimizer["type"])


def apply(state: TrainingState, kind: str, body: Body, prepare: Prepare, *, want_result: bool = True) -> Applied:
    """Execute a forward, forward_backward or optim_step on the state.

    `prepare` knows the run's custom losses. `want_result` False is for the log's replay, which is after the state only.
    """
    if kind == "optim_step":
        return Applied(_json({"metrics": optim_step(state, body.content), "type": "optim_step"}), 0)
    request = decode_training_request(body.content, body.type)
    forward_only = kind == "forward"
    if request.loss_fn == CUSTOM:
        loss, data = prepare(request.loss_fn_config, request.data)
        result = state.forward_backward(data, loss, forward_only=forward_only)
    else:
        result = state.forward_backward(
            request.data, request.loss_fn, request.loss_fn_config, forward_only=forward_only
        )
    tokens = sum(len(datum.tokens) for datum in request.data)
    return Applied(encode_forward_backward(result) if want_result else b"", tokens)


def optim_step(state: TrainingState, content: bytes) -> dict[str, float]:
    """Make the step that the body of an optim_step asks for; returns its metrics."""
    order = OptimStepOrder.model_validate_json(content)
    parameters: dict[str, Any] = order.parameters
    return state.optim_step(DimuonParams(**parameters) if order.optimizer == "dimuon" else AdamParams(**parameters))


def restore(checkpoint: Checkpoint, content: bytes, run: TrainingRun, *, optimizer: bool) -> TrainingState:
    """The state that a checkpoint holds, for this run; InvalidInput where the two don't fit."""
    if optimizer and checkpoint.kind != "weights":
        raise InvalidInput(
            f"path names {checkpoint.kind}, which hold no optimizer state: load them without it, or load a checkpoint "
            "that save_weights made"
        )
    for name, theirs, ours in (
        ("base_model", checkpoint.base_model, run.base_model),
        ("lora rank", checkpoint.rank, run.rank),
        ("train_mlp", checkpoint.train_mlp, run.train_mlp),
        ("train_attn", checkpoint.train_attn, run.train_attn),
        ("train_unembed", checkpoint.train_unembed, run.train_unembed),
    ):
        if theirs != ours:
            raise InvalidInput(
                f"path names a checkpoint with {name} {theirs!r}, but the training run has {ours!r}: "
                "create a training run from the checkpoint instead"
            )
    theirs, ours = checkpoint.optimizer["type"], run.optimizer["type"]
    if optimizer and theirs != ours:
        raise InvalidInput(
            f"path names a checkpoint with the optimizer state of {theirs}, but the training run has {ours}: "
            "load it without its optimizer"
        )
    return TrainingState.load(content, optimizer=optimizer, fresh=ours)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
