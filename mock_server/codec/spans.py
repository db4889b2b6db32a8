"""Provenance spans: a client's claim which sampled sequence each position of a datum came from.

No loss function here reads them. They are checked as the SDK's Datum.with_provenance checks them, so that a miscounted
partition fails here as it would fail against the official server.
"""

from collections.abc import Iterable
from typing import Any

from mock_server.codec.errors import Malformed
from mock_server.codec.sparse import Array


def check_spans(datum: Any, positions: int, targets: Array | None, field: str) -> None:
    """Malformed unless the spans of a protobuf Datum come as a pair and tile what they annotate.

    positions: length of model_input.
    targets: loss_fn_inputs.target_tokens; spans tile it only where it is one-dimensional.
    """
    inputs, rows = datum.model_input_spans, datum.loss_fn_input_spans
    if not inputs and not rows:
        return
    # An empty list leaves no trace in protobuf, and is the right tiling of nothing.
    _check_tiling(inputs, positions, f"{field}.model_input_spans")
    if targets is not None and targets.ndim == 1:
        _check_tiling(rows, len(targets), f"{field}.loss_fn_input_spans")


def _check_tiling(spans: Iterable[Any], expected: int, field: str) -> None:
    covered = 0
    for i, union in enumerate(spans):
        kind = union.WhichOneof("span")
        if kind is None:
            raise Malformed(f"{field}[{i}]", "is empty", "set prompt_tokens or sampled_tokens")
        span = getattr(union, kind)
        if not span.sequence_id:
            raise Malformed(
                f"{field}[{i}].sequence_id", "is empty", "name the sequence that the answer to asample named"
            )
        if span.offset < 0 or span.length < 0:
            raise Malformed(
                f"{field}[{i}]", f"has offset {span.offset} and length {span.length}", "neither is negative"
            )
        covered += span.length
    if covered != expected:
        raise Malformed(
            field, f"covers {covered} of {expected} positions", "spans tile the field: each position in exactly one"
        )
