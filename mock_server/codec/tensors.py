"""Tensors of the wire, protobuf and JSON, dense and CSR, as numpy arrays of float32 or int64."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from mock_server.codec.allowance import MAX_EXPANDED_ELEMENTS, Allowance
from mock_server.codec.errors import Malformed, shown
from mock_server.codec.schema import BFLOAT16, FLOAT32, INT32, INT64
from mock_server.codec.sparse import Array, SparseLayout, densify

_WIRE_DTYPES: dict[int, np.dtype[Any]] = {
    FLOAT32: np.dtype("<f4"),
    INT64: np.dtype("<i8"),
    INT32: np.dtype("<i4"),
    BFLOAT16: np.dtype("<u2"),
}
_FLOAT32, _INT64 = np.dtype(np.float32), np.dtype(np.int64)
_JSON_DTYPES: dict[str, np.dtype[Any]] = {"float32": _FLOAT32, "int64": _INT64}


def from_bytes(raw: bytes, dtype: int, field: str) -> Array:
    """The flat array that raw encodes in the wire's dtype, as float32 or int64; read-only where nothing widens."""
    wire = _WIRE_DTYPES.get(dtype)
    if wire is None:
        raise Malformed(field, f"has dtype {dtype}", "send FLOAT32 (1), INT64 (2), INT32 (3) or BFLOAT16 (4)")
    if len(raw) % wire.itemsize:
        raise Malformed(
            field, f"has {len(raw)} bytes", f"send {wire.itemsize} little-endian bytes per element, nothing between"
        )
    values = np.frombuffer(raw, dtype=wire)
    if dtype == BFLOAT16:
        return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values.astype(_FLOAT32 if dtype == FLOAT32 else _INT64, copy=False)


def from_proto(tensor: Any, field: str, allowance: Allowance) -> Array:
    """The array of a protobuf Tensor; unlisted cells of a CSR one are 0."""
    encoding = tensor.WhichOneof("encoding")
    if encoding == "dense":
        return _shaped(from_bytes(tensor.dense, tensor.dtype, field), tuple(tensor.shape), field)
    if encoding is None:
        raise Malformed(field, "holds no data", "set dense or sparse_csr")
    csr = tensor.sparse_csr
    layout = SparseLayout(
        from_bytes(csr.crow_indices, INT64, f"{field}.crow_indices"),
        from_bytes(csr.col_indices, INT64, f"{field}.col_indices"),
    )
    return densify(from_bytes(csr.values, tensor.dtype, field), tuple(tensor.shape), layout, field, allowance, pad=0)


def from_json(tensor: Any, field: str, allowance: Allowance, pad: int = 0) -> tuple[Array, SparseLayout | None]:
    """The array of a JSON tensor {data, dtype, shape?, sparse_crow_indices?, sparse_col_indices?}.

    Unlisted cells of a sparse one are pad; its layout comes with it, for answers that repeat it.
    """
    if not isinstance(tensor, Mapping):
        raise Malformed(field, f"is {shown(tensor)}", "send {data, dtype, shape}")
    dtype = tensor.get("dtype")
    if not isinstance(dtype, str) or dtype not in _JSON_DTYPES:
        raise Malformed(f"{field}.dtype", f"is {shown(dtype)}", "send 'float32' or 'int64'")
    values = json_numbers(tensor.get("data"), _JSON_DTYPES[dtype], f"{field}.data")
    sizes = tensor.get("shape")
    shape = () if sizes is None else tuple(json_numbers(sizes, _INT64, f"{field}.shape").tolist())
    crow, cols = tensor.get("sparse_crow_indices"), tensor.get("sparse_col_indices")
    if crow is None and cols is None:
        return _shaped(values, shape, field), None
    layout = SparseLayout(
        json_numbers(crow, _INT64, f"{field}.sparse_crow_indices"),
        json_numbers(cols, _INT64, f"{field}.sparse_col_indices"),
    )
    return densify(values, shape, layout, field, allowance, pad=pad), layout


def json_numbers(values: Any, dtype: np.dtype[Any], field: str) -> Array:
    """The flat array of a JSON list of numbers. A float in an int64 list counts when it is whole."""
    if not isinstance(values, list):
        raise Malformed(field, f"is {shown(values)}", "send a flat list of numbers")
    # numpy would read strings and nested lists too, and a single long string makes it ask for memory by the gigabyte.
    kinds = set(map(type, values))
    strangers = kinds - {int, float}
    if strangers:
        index = next(index for index, value in enumerate(values) if type(value) in strangers)
        raise Malformed(f"{field}[{index}]", f"is {shown(values[index])}", "send a flat list of numbers")
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            numbers = np.array(values, dtype=dtype)
            whole = dtype.kind == "f" or float not in kinds or np.array_equal(numbers, np.array(values))
    except (OverflowError, ValueError):
        whole = False
    if not whole:
        raise Malformed(field, f"is {shown(values)}", f"send numbers that {dtype.name} can hold")
    return numbers


def _shaped(values: Array, shape: tuple[int, ...], field: str) -> Array:
    if shape in {(), (len(values),)}:
        return values
    if len(shape) > 2 or min(shape) < 0 or prod(shape) != len(values):
        raise Malformed(
            field,
            f"has {len(values)} values for shape {shown(list(shape))}",
            "send as many as [rows] or [rows, columns] says",
        )
    # The other dimension of an empty tensor costs no bytes and may say anything; numpy has limits there.
    if max(shape) > MAX_EXPANDED_ELEMENTS:
        raise Malformed(f"{field}.shape", f"is {list(shape)}", f"a dimension is at most {MAX_EXPANDED_ELEMENTS}")
    return values.reshape(shape)
