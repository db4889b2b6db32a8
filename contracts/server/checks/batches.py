"""Batches that can't be, and the forms in which those come that can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.server.batches import PROTOBUF, as_protobuf, datum
from contracts.server.numbers import must_equal
from contracts.server.runs import Run
from contracts.server.tenant import header_names
from contracts.verdicts import check

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.asking import Asker

_BAD: Final = (400, 422)


@check("unknown-loss-fails", requirement="TRN-UNKNOWN-LOSS", kind="behaviour")
def unknown_loss_fails(asker: Asker) -> None:
    """A loss function that nobody knows is refused or fails with category user."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for loss_fn in ("no_such_loss", "", "Cross_Entropy "):
        tenant.fails(run.forward_backward(loss_fn=loss_fn), *_BAD)


@check("lengths-must-fit", requirement="TRN-BAD-SHAPES", kind="behaviour")
def lengths_must_fit(asker: Asker) -> None:
    """Loss inputs whose lengths do not fit the input are refused or fail with category user."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for name, tensor in (
        ("target_tokens", {"data": [11, 12], "dtype": "int64", "shape": [2]}),
        ("weights", {"data": [1.0] * 30, "dtype": "float32", "shape": [30]}),
        ("target_tokens", {"data": [11, 12], "dtype": "int64", "shape": [15]}),
    ):
        data = datum(asker.tokens(16))
        data["loss_fn_inputs"][name] = tensor
        tenant.fails(run.forward_backward(data), *_BAD)


@check("token-outside-the-vocabulary-fails", requirement="TRN-BAD-TOKEN", kind="behaviour")
def token_outside_the_vocabulary_fails(asker: Asker) -> None:
    """A token that no vocabulary has, as input or as target, is refused or fails with category user."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    for tokens in ([10, 2**31 - 1, 12], [10, 11, 2**31 - 1]):
        tenant.fails(run.forward_backward(datum(tokens)), *_BAD)


@check("unknown-run-is-not-trained", requirement="TRN-UNKNOWN-RUN", kind="behaviour")
def unknown_run_is_not_trained(asker: Asker) -> None:
    """Every operation of a run that is not there is refused with 404."""
    tenant = asker.tenant()
    run = Run(tenant, f"{tenant.session()}:train:0")
    for submitted in (
        run.forward_backward(),
        run.forward(),
        run.optim_step(),
        run.submit("/save_weights", {"path": "a"}),
        run.submit("/save_weights_for_sampler", {"path": "a"}),
    ):
        tenant.refused(submitted, 404)


def _protobuf(run: Run, content: bytes, seq_id: int, **headers: str) -> Exchange:
    """POST of a protobuf body as it is."""
    run.last_seq_id = seq_id
    sent = {"content-type": PROTOBUF} | header_names(headers)
    return run.tenant.send("POST", "/forward_backward", content=content, headers=sent)


@check("json-and-protobuf-say-the-same", requirement="TRN-JSON-BODY", kind="behaviour")
def json_and_protobuf_say_the_same(asker: Asker) -> None:
    """A batch has the same loss as JSON and as protobuf."""
    tenant, data = asker.tenant(), datum(asker.tokens(12))
    run = Run.new(tenant)
    due = run.loss_of(run.forward_backward(data))
    submitted = _protobuf(run, as_protobuf(run.id, 2, [data]), 2)
    must_equal("the loss of the protobuf form", run.loss_of(submitted), due, submitted)
    looked = _protobuf(run, as_protobuf(run.id, 3, [data], forward_only=True), 3)
    must_equal("the loss of forward_only", run.loss_of(looked), due, looked)


@check("zstd-is-taken", requirement="TRN-ZSTD", kind="behaviour")
def zstd_is_taken(asker: Asker) -> None:
    """A protobuf batch compressed with zstd has the loss of the plain one."""
    import zstandard  # noqa: PLC0415 - only who asks for it needs it

    tenant, data = asker.tenant(), datum(asker.tokens(12))
    run = Run.new(tenant)
    due = run.loss(data)
    body = zstandard.ZstdCompressor().compress(as_protobuf(run.id, 2, [data]))
    submitted = _protobuf(run, body, 2, content_encoding="zstd")
    must_equal("the loss of the compressed form", run.loss_of(submitted), due, submitted)


@check("broken-protobuf-is-refused", requirement="TRN-BAD-PROTO", kind="behaviour")
def broken_protobuf_is_refused(asker: Asker) -> None:
    """A body that calls itself protobuf and is none is refused with 400 or 422."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    whole = as_protobuf(run.id, 1, [datum(asker.tokens(12))])
    for content in (b"\xff" * 20, whole[: len(whole) // 2], b'{"model_id": "a"}'):
        tenant.refused(_protobuf(run, content, 1), *_BAD)
