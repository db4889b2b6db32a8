"""Results reach every client whole: protobuf read by the SDK's own decoder, JSON with the same numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tinker.lib.chunked_fwdbwd_helpers import combine_fwd_bwd_output_results
from tinker.proto.response_conv import deserialize_forward_backward_output, deserialize_sample_response
from tinker.types.topk_logprobs import topk_to_lists

from mock_server.codec import (
    Malformed,
    SparseLayout,
    encode_forward_backward,
    encode_sample,
    forward_backward_json,
    sample_json,
)
from mock_server.toy_model import ForwardBackwardResult, Ranked, SampledSequence, SampleResult
from mock_server.toy_model.sampling import EMPTY

RECORDED = (Path(__file__).parent / "bodies" / "sdk-0.38.0-forward-result.pb").read_bytes()
Array = NDArray[Any]


def floats(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def strict_json(body: bytes) -> Any:
    """As Tinkex reads it: NaN and Infinity are errors."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(body, parse_constant=refuse)


RESULT = ForwardBackwardResult(
    outputs=[{"logprobs": floats(-1.0, -0.7, -0.4, -0.1)}, {"logprobs": floats(-1.0, -0.1)}],
    metrics={"loss:sum": 3.3000001907348633},
)


def test_a_result_is_encoded_as_the_recorded_one_was() -> None:
    ours, theirs = (deserialize_forward_backward_output(body) for body in (encode_forward_backward(RESULT), RECORDED))
    assert ours.loss_fn_output_type == theirs.loss_fn_output_type == "ArrayRecord"
    assert ours.metrics == theirs.metrics
    for mine, recorded in zip(ours.loss_fn_outputs, theirs.loss_fn_outputs, strict=True):
        assert mine["logprobs"].shape == recorded["logprobs"].shape
        np.testing.assert_allclose(mine["logprobs"].data, recorded["logprobs"].data, atol=1e-6)


@pytest.mark.parametrize(
    "arrays",
    [
        [floats(1, 2, 3), floats(4), floats()],
        [np.arange(6, dtype=np.float32).reshape(3, 2), np.ones((1, 2), np.float32)],
        [np.ones((2, 3), np.float32), np.ones((2, 4), np.float32), np.ones((1, 4), np.float32), floats(1, 2)],
        [np.ones((4, 2), np.float32).T, np.arange(8, dtype=np.float32)[::2]],  # not contiguous
    ],
    ids=["1-D", "2-D", "of several widths", "views"],
)
def test_the_sdk_gets_the_arrays_in_their_shapes(arrays: list[Array]) -> None:
    encoded = encode_forward_backward(ForwardBackwardResult([{"logprobs": array} for array in arrays], {}))
    decoded = deserialize_forward_backward_output(encoded).loss_fn_outputs
    for array, datum in zip(arrays, decoded, strict=True):
        assert datum["logprobs"].dtype == "float32"
        assert datum["logprobs"].shape == list(array.shape)
        np.testing.assert_array_equal(datum["logprobs"].to_numpy(), array)


def test_several_fields_stay_with_their_datum() -> None:
    outputs = [{"logprobs": floats(1, 2), "ratios": floats(3, 4)}, {"logprobs": floats(5), "ratios": floats(6)}]
    decoded = deserialize_forward_backward_output(encode_forward_backward(ForwardBackwardResult(outputs, {})))
    values = [{name: tensor.data for name, tensor in datum.items()} for datum in decoded.loss_fn_outputs]
    assert values == [{"logprobs": [1, 2], "ratios": [3, 4]}, {"logprobs": [5], "ratios": [6]}]


def test_a_result_without_datums_is_a_result() -> None:
    encoded = encode_forward_backward(ForwardBackwardResult([], {"loss:sum": 0.0}))
    assert deserialize_forward_backward_output(encoded).loss_fn_outputs == []
    assert strict_json(forward_backward_json(encoded))["loss_fn_outputs"] == []


def test_the_sdk_combines_the_results_of_chunks() -> None:
    parts = [deserialize_forward_backward_output(encode_forward_backward(RESULT)) for _ in range(3)]
    combined = combine_fwd_bwd_output_results(parts)
    assert len(combined.loss_fn_outputs) == 6
    assert combined.metrics["loss:sum"] == pytest.approx(9.9, abs=1e-6)


def test_equal_results_give_equal_bytes() -> None:
    metrics = {f"name{i}:sum": float(i) for i in range(30)}
    backwards = dict(reversed(metrics.items()))
    one, other = (encode_forward_backward(ForwardBackwardResult(RESULT.outputs, each)) for each in (metrics, backwards))
    assert one == other


def test_the_json_result_has_the_numbers_and_shapes_of_the_protobuf() -> None:
    outputs = [{"logprobs": floats(-1.5, -2)}, {"logprobs": np.ones((1, 2), np.float32)}, {"logprobs": floats()}]
    answer = strict_json(
        forward_backward_json(encode_forward_backward(ForwardBackwardResult(outputs, {"loss:sum": 2.5})))
    )
    assert answer == {
        "loss_fn_output_type": "ArrayRecord",
        "loss_fn_outputs": [
            {"logprobs": {"data": [-1.5, -2.0], "dtype": "float32", "shape": [2]}},
            {"logprobs": {"data": [1.0, 1.0], "dtype": "float32", "shape": [1, 2]}},
            {"logprobs": {"data": [], "dtype": "float32", "shape": [0]}},
        ],
        "metrics": {"loss:sum": 2.5},
    }


def test_json_of_the_recorded_result_is_what_the_sdk_reads_in_protobuf() -> None:
    theirs = deserialize_forward_backward_output(RECORDED)
    ours = strict_json(forward_backward_json(RECORDED))
    assert ours["metrics"] == theirs.metrics
    assert [datum["logprobs"]["data"] for datum in ours["loss_fn_outputs"]] == [
        datum["logprobs"].data for datum in theirs.loss_fn_outputs
    ]


def test_numbers_json_cannot_write_are_null_or_the_largest() -> None:
    outputs = [{"logprobs": floats(np.nan, -np.inf, 1.0)}]
    encoded = encode_forward_backward(ForwardBackwardResult(outputs, {"loss:sum": float("inf")}))
    answer = strict_json(forward_backward_json(encoded))
    largest = float(np.finfo(np.float32).max)
    assert answer["loss_fn_outputs"][0]["logprobs"]["data"] == [None, -largest, 1.0]
    assert answer["metrics"] == {"loss:sum": largest}


# ---- Sampling ----


def table(ids: list[list[int]], logprobs: list[list[float]]) -> Ranked:
    return np.array(ids, np.int32), np.array(logprobs, np.float32)


def sequence(tokens: list[int], **changes: Any) -> SampledSequence:
    parts: dict[str, Any] = {"stop_reason": "stop", **changes}
    return SampledSequence(np.array(tokens, np.int32), floats(*(-0.5 * i for i in range(len(tokens)))), **parts)


def test_sampled_sequences_arrive() -> None:
    result = SampleResult(sequences=[sequence([5, 6, 7]), sequence([8], stop_reason="length"), sequence([])])
    decoded = deserialize_sample_response(encode_sample(result))
    assert [each.tokens for each in decoded.sequences] == [[5, 6, 7], [8], []]
    assert [each.stop_reason for each in decoded.sequences] == ["stop", "length", "stop"]
    assert decoded.sequences[0].logprobs == [0.0, -0.5, -1.0]
    assert decoded.prompt_logprobs is None
    assert decoded.topk_prompt_logprobs is None
    assert decoded.target_prompt_logprobs is None
    assert decoded.prompt_alt_tokens is None


def test_prompt_logprobs_begin_with_none() -> None:
    encoded = encode_sample(SampleResult(sequences=[sequence([1])], prompt_logprobs=floats(np.nan, -1.5, -2.5)))
    assert deserialize_sample_response(encoded).prompt_logprobs == [None, -1.5, -2.5]
    assert strict_json(sample_json(encoded))["prompt_logprobs"] == [None, -1.5, -2.5]


def test_topk_tables_name_what_was_computed() -> None:
    prompt = table([[0, 0], [3, 1], [4, 0]], [[EMPTY, EMPTY], [-0.25, -1.0], [-0.5, EMPTY]])
    sampled = table([[0, 2]], [[-0.125, -3.0]])
    encoded = encode_sample(SampleResult(sequences=[sequence([1], topk=sampled)], topk_prompt=prompt))
    decoded = deserialize_sample_response(encoded)
    assert decoded.topk_prompt_logprobs == [None, [(3, -0.25), (1, -1.0)], [(4, -0.5)]]
    assert decoded.sequences[0].topk_logprobs == [[(0, -0.125), (2, -3.0)]]
    answer = strict_json(sample_json(encoded))
    assert answer["topk_prompt_logprobs"] == [None, [[3, -0.25], [1, -1.0]], [[4, -0.5]]]
    assert answer["sequences"][0]["topk_logprobs"] == [[[0, -0.125], [2, -3.0]]]


def test_json_and_sdk_agree_on_any_topk_table() -> None:
    generator = np.random.default_rng(0)
    logprobs = -generator.random((20, 3), np.float32)
    ids = generator.integers(0, 9, (20, 3), np.int32)
    for row, computed in enumerate(generator.integers(0, 4, 20)):
        ids[row, computed:], logprobs[row, computed:] = 0, EMPTY
    encoded = encode_sample(SampleResult(topk_prompt=(ids, logprobs)))
    theirs = deserialize_sample_response(encoded).topk_prompt_logprobs_np
    assert theirs is not None
    expected = [None if row is None else [list(cell) for cell in row] for row in topk_to_lists(theirs)]
    assert strict_json(sample_json(encoded))["topk_prompt_logprobs"] == expected


def test_target_logprobs_arrive_in_the_shape_they_were_asked_in() -> None:
    logprobs = np.array([[-1.5, 0.0], [0.0, -2.0]], np.float32)
    encoded = encode_sample(SampleResult(target_prompt_logprobs=logprobs))
    tensor = deserialize_sample_response(encoded).target_prompt_logprobs
    assert tensor is not None
    assert tensor.to_numpy().tolist() == [[-1.5, 0.0], [0.0, -2.0]]
    assert strict_json(sample_json(encoded))["target_prompt_logprobs"] == {
        "data": [-1.5, 0.0, 0.0, -2.0],
        "dtype": "float32",
        "shape": [2, 2],
    }


def test_sparse_targets_get_a_sparse_answer() -> None:
    layout = SparseLayout(np.array([0, 1, 2]), np.array([1, 0]))
    result = SampleResult(target_prompt_logprobs=np.array([[0.0, -1.5], [-2.0, 0.0]], np.float32))
    encoded = encode_sample(result, layout)
    tensor = deserialize_sample_response(encoded).target_prompt_logprobs
    assert tensor is not None
    assert tensor.data == [-1.5, -2.0]
    assert (tensor.sparse_crow_indices, tensor.sparse_col_indices) == ([0, 1, 2], [1, 0])
    answer = strict_json(sample_json(encoded))["target_prompt_logprobs"]
    assert answer["data"] == [-1.5, -2.0]
    assert (answer["sparse_crow_indices"], answer["sparse_col_indices"]) == ([0, 1, 2], [1, 0])


def test_alternative_tokens_arrive() -> None:
    encoded = encode_sample(
        SampleResult(prompt_alt_tokens=(np.array([[4, 4], [5, 6]]), table([], [[-1, -1], [-2, -3]])[1]))
    )
    draws = deserialize_sample_response(encoded).prompt_alt_tokens
    assert draws is not None
    assert (draws.tokens.dtype, draws.tokens.to_numpy().tolist()) == ("int64", [[4, 4], [5, 6]])
    assert (draws.logprobs.dtype, draws.logprobs.to_numpy().tolist()) == ("float32", [[-1, -1], [-2, -3]])
    assert strict_json(sample_json(encoded))["prompt_alt_tokens"]["tokens"]["data"] == [4, 4, 5, 6]


def test_the_json_sample_has_the_fields_of_old_clients() -> None:
    answer = strict_json(
        sample_json(encode_sample(SampleResult(sequences=[sequence([5, 6]), sequence([], stop_reason="length")])))
    )
    assert answer == {
        "type": "sample",
        "sequences": [
            {"stop_reason": "stop", "tokens": [5, 6], "logprobs": [0.0, -0.5]},
            {"stop_reason": "length", "tokens": [], "logprobs": []},
        ],
        "prompt_logprobs": None,
        "topk_prompt_logprobs": None,
    }


@pytest.mark.parametrize("stored", [b"\x0a\xff", b"not protobuf"])
def test_a_damaged_stored_result_is_refused(stored: bytes) -> None:
    for twin in (forward_backward_json, sample_json):
        with pytest.raises(Malformed, match=r"stored result of \d+ bytes is no "):
            twin(stored)
