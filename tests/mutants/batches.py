"""Servers that are wrong about the batches that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.toy_model import InvalidInput, TrainingState
from tests.mutants.surgery import Answer, answers, mutant, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = "POST /forward_backward"
_ACCEPTED = {"request_id": "r", "model_id": "a:train:0"}


@mutant(killed_by="unknown-loss-fails")
def any_loss_will_do() -> None:
    """Computes cross-entropy for a loss that it does not know."""

    def some(run: Callable[..., Any]) -> Callable[..., Any]:
        def runs(state: TrainingState, data: Any, loss_fn: Any, *args: Any, **more: Any) -> Any:
            try:
                return run(state, data, loss_fn, *args, **more)
            except InvalidInput:
                return run(state, data, "cross_entropy", *args, **more)

        return runs

    wrapped(TrainingState, "forward_backward", some)


@mutant(killed_by=("lengths-must-fit", "token-outside-the-vocabulary-fails"))
def bad_data_left_out() -> None:
    """Leaves out the data that it can't train, and says that it trained the batch."""

    def lenient(run: Callable[..., Any]) -> Callable[..., Any]:
        def runs(state: TrainingState, data: Any, loss_fn: Any, *args: Any, **more: Any) -> Any:
            good = []
            for datum in data:
                try:
                    run(state, [datum], loss_fn, *args, **{**more, "forward_only": True})
                    good.append(datum)
                except InvalidInput:
                    continue
            return run(state, good, loss_fn, *args, **more)

        return runs

    wrapped(TrainingState, "forward_backward", lenient)


@answers("POST /(forward_backward|forward|optim_step|save_weights.*)", killed_by="unknown-run-is-not-trained")
def training_of_nobody(answer: Answer) -> None:
    """Takes operations of runs that are not there."""
    if answer.status == 404:
        answer.status, answer.json = 200, _ACCEPTED


@answers(BATCH, killed_by="json-and-protobuf-say-the-same")
def protobuf_only(answer: Answer) -> None:
    """Refuses batches in JSON, as SDKs before 0.25 and Tinkex send them."""
    if answer.asked.startswith(b"{"):
        answer.refuse(400, "no protobuf")


@answers(BATCH, killed_by="zstd-is-taken")
def zstd_refused(answer: Answer) -> None:
    """Refuses compressed batches."""
    if answer.asked.startswith(b"\x28\xb5\x2f\xfd"):
        answer.refuse(400, "no protobuf")


@answers(BATCH, killed_by="broken-protobuf-is-refused")
def broken_protobuf_accepted(answer: Answer) -> None:
    """Takes any bytes for a batch, and finds out later."""
    if answer.status == 400:
        answer.status, answer.json = 200, _ACCEPTED


@answers("POST /optim_step", killed_by="other-optimizers-step")
def adam_only(answer: Answer) -> None:
    """Refuses parameters of other optimizers than Adam."""
    if b"dimuon" in answer.asked:
        answer.refuse(400, "give adam_params")
