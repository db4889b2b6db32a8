"""Results as the protobuf that SDKs since 0.25 demand; the server stores these bytes and no other form."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np

from mock_server.codec.schema import FLOAT32, INT64, LENGTH, STOP, messages
from mock_server.codec.sparse import Array, SparseLayout
from mock_server.toy_model import ForwardBackwardResult, Ranked, SampleResult

RECORD_TYPE = "ArrayRecord"
Outputs = Mapping[str, Array]
"""What the loss function gives back of one datum: name -> [positions] or [positions, k]."""


def encode_forward_backward(result: ForwardBackwardResult) -> bytes:
    """A ForwardBackwardOutput of result; equal results give equal bytes.

    A record holds arrays of one trailing shape, so datums whose [positions, k] differ in k go to records of their own.
    """
    output = messages().ForwardBackwardOutput(loss_fn_output_type=RECORD_TYPE)
    for name, value in result.metrics.items():
        output.metrics[name] = value
    for _, datums in groupby(result.outputs, key=_layout):
        _add_record(output, list(datums))
    return _bytes(output)


def encode_sample(result: SampleResult, target_layout: SparseLayout | None = None) -> bytes:
    """A SampleResponse of result; equal results give equal bytes.

    target_layout: what the request's target_prompt_logprobs listed, when it was sparse: the answer has its layout.
    """
    response = messages().SampleResponse()
    for sequence in result.sequences:
        reason = LENGTH if sequence.stop_reason == "length" else STOP
        message = response.sequences.add(
            stop_reason=reason, tokens=_raw(sequence.tokens, "<i4"), logprobs=_raw(sequence.logprobs, "<f4")
        )
        if sequence.topk is not None:
            _set_topk(message.topk_sampled_logprobs, sequence.topk)
    if result.prompt_logprobs is not None:
        response.prompt_logprobs = _raw(result.prompt_logprobs, "<f4")
    if result.topk_prompt is not None:
        _set_topk(response.topk_prompt_logprobs, result.topk_prompt)
    if result.target_prompt_logprobs is not None:
        _set_tensor(response.target_prompt_logprobs, result.target_prompt_logprobs, target_layout)
    if result.prompt_alt_tokens is not None:
        tokens, logprobs = result.prompt_alt_tokens
        _set_tensor(response.prompt_alt_tokens.tokens, tokens)
        _set_tensor(response.prompt_alt_tokens.logprobs, logprobs)
    return _bytes(response)


def _bytes(message: Any) -> bytes:
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded


def _layout(datum: Outputs) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, array.shape[1:]) for name, array in datum.items()]


def _add_record(output: Any, datums: list[Outputs]) -> None:
    record = output.loss_fn_outputs.add(type_tag=RECORD_TYPE, num_datums=len(datums))
    for name, first in datums[0].items():
        arrays = [datum[name] for datum in datums]
        code, wire = _wire(first)
        field = record.fields[name]
        field.data = _raw(np.concatenate(arrays), wire)
        field.offsets = _raw(np.cumsum([0, *(array.size for array in arrays)]) * np.dtype(wire).itemsize, "<i8")
        field.dtype = code
        field.trailing_shape.extend(first.shape[1:])


def _set_tensor(tensor: Any, array: Array, layout: SparseLayout | None = None) -> None:
    tensor.dtype, wire = _wire(array)
    tensor.shape.extend(array.shape)
    if layout is None:
        tensor.dense = _raw(array, wire)
        return
    tensor.sparse_csr.values = _raw(array[layout.rows(), layout.cols], wire)
    tensor.sparse_csr.crow_indices = _raw(layout.crow, "<i8")
    tensor.sparse_csr.col_indices = _raw(layout.cols, "<i8")


def _set_topk(table: Any, ranked: Ranked) -> None:
    ids, logprobs = ranked
    table.length, table.k = logprobs.shape
    table.token_ids = _raw(ids, "<i4")
    table.logprobs = _raw(logprobs, "<f4")


def _wire(array: Array) -> tuple[int, str]:
    """The wire's code and byte layout of an array's numbers."""
    return (FLOAT32, "<f4") if array.dtype.kind == "f" else (INT64, "<i8")


def _raw(array: Array, wire: str) -> bytes:
    return array.astype(wire, copy=False).tobytes()
