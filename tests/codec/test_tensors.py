"""Tensors mean the same in every encoding, and what contradicts itself is refused."""

from typing import Any

import numpy as np
import pytest
from tinker.proto import tinker_public_pb2 as sdk
from tinker.proto.request_conv import _tensor_data_to_proto
from tinker.types import TensorData

from mock_server.codec import Malformed
from mock_server.codec.allowance import Allowance
from mock_server.codec.tensors import from_json, from_proto

SPARSE = [[0, 0, 5, 0], [0, 0, 0, 0], [7, 0, 0, 9]]
CSR: dict[str, Any] = {
    "data": [5, 7, 9],
    "dtype": "int64",
    "shape": [3, 4],
    "sparse_crow_indices": [0, 1, 1, 3],
    "sparse_col_indices": [2, 0, 3],
}


def proto(tensor: sdk.Tensor, elements: int = 1000) -> np.ndarray[Any, Any]:
    return from_proto(tensor, "t", Allowance(elements))


def json(elements: int = 1000, **tensor: Any) -> np.ndarray[Any, Any]:
    return from_json(tensor, "t", Allowance(elements))[0]


@pytest.mark.parametrize(
    "array",
    [
        np.array([1.5, -2.0, np.nan], np.float32),
        np.array([1, -1, 2**62], np.int64),
        np.arange(6, dtype=np.int64).reshape(3, 2),
        np.empty(0, np.float32),
        np.empty((0, 3), np.int64),
        np.empty((3, 0), np.float32),
    ],
)
def test_dense_tensors_arrive_as_the_sdk_sent_them(array: np.ndarray[Any, Any]) -> None:
    sent = TensorData.from_numpy(array)
    for received in (
        proto(_tensor_data_to_proto(sent)),
        json(data=sent.data, dtype=sent.dtype, shape=sent.shape),
    ):
        assert received.dtype == array.dtype
        np.testing.assert_array_equal(received, array)


def test_sparse_tensors_are_filled_with_zeros() -> None:
    for received in (proto(_tensor_data_to_proto(TensorData(**CSR))), json(**CSR)):
        assert received.dtype == np.int64
        assert received.tolist() == SPARSE


def test_narrow_numbers_are_widened() -> None:
    int32 = sdk.Tensor(dense=np.array([1, -2], "<i4").tobytes(), dtype=sdk.DTYPE_INT32)
    assert proto(int32).dtype == np.int64
    assert proto(int32).tolist() == [1, -2]
    exact = np.array([1.0, -0.5, np.inf, 3.0], np.float32)
    bfloat16 = (exact.view(np.uint32) >> np.uint32(16)).astype("<u2")
    received = proto(sdk.Tensor(dense=bfloat16.tobytes(), dtype=sdk.DTYPE_BFLOAT16))
    assert received.dtype == np.float32
    assert received.tolist() == exact.tolist()


def test_a_missing_or_empty_shape_means_one_dimension() -> None:
    assert proto(sdk.Tensor(dense=bytes(12), dtype=sdk.DTYPE_FLOAT32)).shape == (3,)
    assert json(data=[1, 2], dtype="float32").shape == (2,)
    assert json(data=[1, 2], dtype="float32", shape=None, sparse_crow_indices=None, sparse_col_indices=None).shape == (
        2,
    )


def test_whole_floats_count_as_integers() -> None:
    assert json(data=[1.0, 2, -3.0], dtype="int64").tolist() == [1, 2, -3]


@pytest.mark.parametrize(
    ("tensor", "complaint"),
    [
        (sdk.Tensor(dtype=sdk.DTYPE_FLOAT32), "t holds no data"),
        (sdk.Tensor(dense=bytes(4)), "t has dtype 0"),
        (sdk.Tensor(dense=bytes(5), dtype=sdk.DTYPE_FLOAT32), "t has 5 bytes: send 4 little-endian"),
        (sdk.Tensor(dense=bytes(12), dtype=sdk.DTYPE_INT64), "t has 12 bytes: send 8 little-endian"),
        (sdk.Tensor(dense=bytes(8), dtype=sdk.DTYPE_FLOAT32, shape=[3]), r"t has 2 values for shape \[3\]"),
        (sdk.Tensor(dense=bytes(8), dtype=sdk.DTYPE_FLOAT32, shape=[-1, -2]), r"t has 2 values for shape \[-1, -2\]"),
        (sdk.Tensor(dense=bytes(8), dtype=sdk.DTYPE_FLOAT32, shape=[1, 1, 2]), r"t has 2 values for shape \[1, 1, 2\]"),
        (sdk.Tensor(dense=b"", dtype=sdk.DTYPE_FLOAT32, shape=[0, 2**62]), r"t.shape is \[0, 4611686018427387904\]"),
    ],
)
def test_a_contradictory_protobuf_tensor_is_refused(tensor: sdk.Tensor, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        proto(tensor)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"data": None}, r"t.data is None: send a flat list of numbers"),
        ({"data": [1, None]}, r"t.data\[1\] is None"),
        ({"data": [1, "2"]}, r"t.data\[1\] is '2'"),
        ({"data": [[1], [2]]}, r"t.data\[0\] is \[1\]"),
        ({"data": [True]}, r"t.data\[0\] is True"),
        ({"data": [1.5]}, r"t.data is \[1.5\]: send numbers that int64 can hold"),
        ({"data": [10**30]}, r"send numbers that int64 can hold"),
        ({"data": [float("nan")]}, r"send numbers that int64 can hold"),
        ({"data": [2.0**63]}, r"send numbers that int64 can hold"),
        ({"data": [10**400], "dtype": "float32"}, r"send numbers that float32 can hold"),
        ({"dtype": None}, r"t.dtype is None: send 'float32' or 'int64'"),
        ({"dtype": ["int64"]}, r"t.dtype is \['int64'\]"),
        ({"shape": "3"}, r"t.shape is '3'"),
        ({"shape": [2]}, r"t has 3 values for shape \[2\]"),
    ],
)
def test_a_contradictory_json_tensor_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        json(**{"data": [1, 2, 3], "dtype": "int64", "shape": [3], **change})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"shape": None}, r"t.shape is \[\]"),
        ({"shape": [3, 4, 1]}, r"t.shape is \[3, 4, 1\]"),
        ({"shape": [3, -4]}, r"t.shape is \[3, -4\]"),
        ({"shape": [2, 4]}, "t has 4 row pointers, 3 columns and 3 values for 2 rows"),
        ({"data": [5, 7]}, "t has 4 row pointers, 3 columns and 2 values for 3 rows"),
        ({"sparse_col_indices": None}, "t.sparse_col_indices is None"),
        ({"sparse_crow_indices": None}, "t.sparse_crow_indices is None"),
        ({"sparse_crow_indices": [0, 2, 1, 3]}, "t.crow_indices"),
        ({"sparse_crow_indices": [1, 1, 1, 3]}, "t.crow_indices"),
        ({"sparse_crow_indices": [0, 1, 1, 2]}, "t.crow_indices"),
        ({"sparse_col_indices": [2, 0, 4]}, "t.col_indices .*columns are 0 to 3"),
        ({"sparse_col_indices": [-1, 0, 3]}, "t.col_indices .*columns are 0 to 3"),
        ({"sparse_col_indices": [2, 3, 0]}, "t.col_indices .*rise within each row"),
        ({"sparse_col_indices": [2, 3, 3]}, "t.col_indices .*rise within each row"),
        ({"shape": [3, 2**40]}, r"t.shape is"),
    ],
)
def test_a_contradictory_sparse_tensor_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        json(**{**CSR, **change})


def test_sparse_tensors_of_one_request_expand_to_a_bounded_size() -> None:
    allowance = Allowance(30)
    for _ in range(2):
        from_json(CSR, "t", allowance)
    with pytest.raises(Malformed, match="t expands to 12 elements, more than are left of the 30"):
        from_json(CSR, "t", allowance)


def test_a_long_string_among_numbers_takes_no_memory() -> None:
    import tracemalloc

    data = ["x" * 10_000, *range(10_000)]
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match=r"t.data\[0\]"):
            json(data=data, dtype="float32")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
