"""The JSON form of stored results, for SDKs before 0.25 and Tinkex, made from the stored protobuf.

Strict JSON: Tinkex's parser refuses NaN and Infinity, so what is not computed is null and what overflows is the largest
float32.
"""

import json
from collections.abc import Callable
from math import isnan, prod
from typing import Any

import numpy as np

from mock_server.codec.errors import Malformed, shown
from mock_server.codec.schema import FLOAT32, INT32, INT64, STOP, messages, parse
from mock_server.codec.sparse import Array
from mock_server.codec.tensors import from_bytes

_LARGEST = float(np.finfo(np.float32).max)
_EMPTY_CELL = (0, -99999.0)


def forward_backward_json(stored: bytes) -> bytes:
    """The JSON twin of encode_forward_backward's bytes. Malformed when they are no ForwardBackwardOutput."""
    output = parse(messages().ForwardBackwardOutput, stored, "stored result")
    metrics = sorted(output.metrics.items())  # a protobuf map has another order in each process
    return _dumps(
        {
            "loss_fn_output_type": output.loss_fn_output_type.rsplit(":", 1)[-1],
            "loss_fn_outputs": [datum for record in output.loss_fn_outputs for datum in _datums(record)],
            "metrics": {name: _numbers(np.array([value]))[0] for name, value in metrics},
        }
    )


def sample_json(stored: bytes) -> bytes:
    """The JSON twin of encode_sample's bytes. Malformed when they are no SampleResponse.

    The fields after topk_prompt_logprobs appear only where the request asked; clients of JSON know none of them.
    """
    response = parse(messages().SampleResponse, stored, "stored result")
    answer: dict[str, Any] = {
        "type": "sample",
        "sequences": [_sequence(sequence) for sequence in response.sequences],
        "prompt_logprobs": _if_set(response, "prompt_logprobs", _floats),
        "topk_prompt_logprobs": _if_set(response, "topk_prompt_logprobs", _topk),
    }
    if response.HasField("target_prompt_logprobs"):
        answer["target_prompt_logprobs"] = _tensor(response.target_prompt_logprobs)
    if response.HasField("prompt_alt_tokens"):
        draws = response.prompt_alt_tokens
        answer["prompt_alt_tokens"] = {"tokens": _tensor(draws.tokens), "logprobs": _tensor(draws.logprobs)}
    return _dumps(answer)


def _dumps(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()


def _datums(record: Any) -> list[dict[str, Any]]:
    columns: dict[str, list[dict[str, Any]]] = {
        name: _batch(field, f"loss_fn_outputs.{name}") for name, field in sorted(record.fields.items())
    }
    if any(len(column) != record.num_datums for column in columns.values()):
        raise Malformed("loss_fn_outputs", f"does not hold {record.num_datums} datums in each field", "store it whole")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _batch(batch: Any, field: str) -> list[dict[str, Any]]:
    values = from_bytes(batch.data, batch.dtype, field)
    offsets = from_bytes(batch.offsets, INT64, f"{field}.offsets")
    element = len(batch.data) // values.size if values.size else 1  # bytes
    row = max(1, prod(batch.trailing_shape))  # elements
    rises = offsets.size and offsets[0] == 0 and offsets[-1] == len(batch.data) and (offsets[1:] >= offsets[:-1]).all()
    if not rises or min(batch.trailing_shape, default=0) < 0 or any(end % (element * row) for end in offsets.tolist()):
        raise Malformed(field, f"has offsets {shown(offsets.tolist())} in {len(batch.data)} bytes", "store it whole")
    parts = np.split(values, offsets[1:-1] // element) if offsets.size > 1 else []
    return [_json_tensor(part, [part.size // row, *batch.trailing_shape]) for part in parts]


def _sequence(sequence: Any) -> dict[str, Any]:
    answer = {
        "stop_reason": "stop" if sequence.stop_reason == STOP else "length",
        "tokens": from_bytes(sequence.tokens, INT32, "sequences.tokens").tolist(),
        "logprobs": _if_set(sequence, "logprobs", _floats),
    }
    if sequence.HasField("topk_sampled_logprobs"):
        answer["topk_logprobs"] = _topk(sequence.topk_sampled_logprobs)
    return answer


def _if_set(message: Any, name: str, convert: Callable[[Any], Any]) -> Any:
    return convert(getattr(message, name)) if message.HasField(name) else None


def _floats(raw: bytes) -> list[float | None]:
    return _numbers(from_bytes(raw, FLOAT32, "logprobs"))


def _topk(table: Any) -> list[list[tuple[int, float | None]] | None] | None:
    """Per position up to k (token, logprob), likeliest first; null where nothing was computed."""
    ids = from_bytes(table.token_ids, INT32, "topk.token_ids").tolist()
    logprobs = _floats(table.logprobs)
    k = table.k
    if not (len(ids) == len(logprobs) == table.length * k):
        raise Malformed(
            "topk", f"has {len(ids)} ids and {len(logprobs)} logprobs for {table.length} x {k}", "store it whole"
        )
    if k == 0:
        return None
    cells = list(zip(ids, logprobs, strict=True))
    rows = ([cell for cell in cells[start : start + k] if cell != _EMPTY_CELL] for start in range(0, len(cells), k))
    return [row or None for row in rows]


def _tensor(tensor: Any) -> dict[str, Any]:
    if not tensor.HasField("sparse_csr"):
        return _json_tensor(from_bytes(tensor.dense, tensor.dtype, "dense"), list(tensor.shape))
    csr = tensor.sparse_csr
    return _json_tensor(from_bytes(csr.values, tensor.dtype, "values"), list(tensor.shape)) | {
        "sparse_crow_indices": from_bytes(csr.crow_indices, INT64, "crow_indices").tolist(),
        "sparse_col_indices": from_bytes(csr.col_indices, INT64, "col_indices").tolist(),
    }


def _json_tensor(values: Array, shape: list[int]) -> dict[str, Any]:
    return {"data": _numbers(values), "dtype": values.dtype.name, "shape": shape}


def _numbers(values: Array) -> list[Any]:
    if np.isfinite(values).all():
        numbers: list[Any] = values.tolist()
        return numbers
    clamped = np.clip(values, -_LARGEST, _LARGEST).tolist()
    return [None if isnan(number) else number for number in clamped]
