"""Whatever arrives, the codec answers with values or with Malformed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.codec import (
    Malformed,
    decode_header,
    decode_training_request,
    decompress,
    encode_sample,
    forward_backward_json,
    prompt_ids,
    sample_json,
    target_prompt_ids,
)
from mock_server.codec.schema import messages
from mock_server.toy_model import SampledSequence, SampleResult

BODIES = Path(__file__).parent / "bodies"
REQUESTS = sorted([*BODIES.glob("*-forward.*"), *BODIES.glob("*-forward_backward*")])
DECODERS = [
    lambda body: decode_header(body, "application/x-protobuf"),
    lambda body: decode_training_request(body, "application/x-protobuf"),
    lambda body: decode_header(body, "application/json"),
    lambda body: decode_training_request(body, "application/json"),
    *(lambda body, coding=coding: decompress(body, coding, 10_000) for coding in ("", "zstd", "gzip", "deflate")),
    forward_backward_json,
    sample_json,
]
TABLE = (np.array([[1, 2]], np.int32), np.array([[-1, -2]], np.float32))
SAMPLE = encode_sample(
    SampleResult(
        sequences=[SampledSequence(np.array([3], np.int32), np.array([-1], np.float32), "length", TABLE)],
        prompt_logprobs=np.array([np.nan, -2], np.float32),
        topk_prompt=TABLE,
        target_prompt_logprobs=TABLE[1],
        prompt_alt_tokens=(np.array([[1, 2]]), TABLE[1]),
    )
)
SEEDS = [path.read_bytes() for path in (*REQUESTS, BODIES / "sdk-0.38.0-forward-result.pb")] + [SAMPLE]
fuzz = settings(max_examples=150, deadline=None, derandomize=True)

numbers = st.integers(-3, 6) | st.sampled_from([2**31, -(2**63), 2**63, 10**30, 1.5, float("nan"), 1e300])
leaves = st.none() | st.booleans() | numbers | st.text(max_size=3)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A real body with a few bytes overwritten, inserted or cut out."""
    body = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        body[start : start + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


def survives(decode: Any, *arguments: Any) -> None:
    try:
        decode(*arguments)
    except Malformed as refusal:
        str(refusal).encode()


@fuzz
@given(st.binary(max_size=200))
def test_random_bytes(body: bytes) -> None:
    for decode in DECODERS:
        survives(decode, body)


@settings(fuzz, max_examples=600)
@given(mutated())
def test_mutated_bodies(body: bytes) -> None:
    for decode in DECODERS:
        survives(decode, body)


# Parts that may be right, wrong or missing, so that about every check is met by some request.
raw = st.sampled_from([b"", bytes(3), bytes(4), bytes(8), bytes(16), b"\xff" * 8, np.arange(3).tobytes()]) | st.binary(
    max_size=9
)
shapes = st.lists(st.integers(-1, 3) | st.sampled_from([2**40, 2**62]), max_size=3)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.integers(0, 5),
        "shape": shapes,
        "dense": raw,
        "sparse_csr": st.fixed_dictionaries({}, optional={"values": raw, "crow_indices": raw, "col_indices": raw}),
    },
)
spans = st.fixed_dictionaries(
    {}, optional={"sequence_id": st.text(max_size=2), "offset": st.integers(-1, 1), "length": st.integers(-1, 2)}
)
span_unions = st.lists(st.fixed_dictionaries({}, optional={"prompt_tokens": spans}), max_size=2)
images = st.fixed_dictionaries(
    {"data": raw, "format": st.sampled_from(["png", "gif"])},
    optional={"expected_tokens": st.sampled_from([-1, 0, 2, 2**31 - 1])},
)
chunks = st.one_of(
    st.just({}),
    st.builds(lambda tokens: {"encoded_text": {"tokens": tokens}}, raw),
    st.builds(lambda image: {"image": image}, images),
    st.builds(lambda dmel: {"dmel": {"dmel": dmel}}, raw),
)
proto_datums = st.fixed_dictionaries(
    {"model_input": st.lists(chunks, max_size=2)},
    optional={
        "loss_fn_inputs": st.dictionaries(st.sampled_from(["target_tokens", "weights"]), tensors),
        "model_input_spans": span_unions,
        "loss_fn_input_spans": span_unions,
    },
)


@settings(fuzz, max_examples=150)
@given(st.lists(proto_datums, min_size=1, max_size=2))
def test_protobuf_requests_of_wrong_parts(data: list[dict[str, Any]]) -> None:
    message = messages().ForwardBackwardRequest(model_id="m", seq_id=1, loss_fn="ppo")
    for parts in data:
        inputs = parts.pop("loss_fn_inputs", {})
        datum = message.data.add(**parts)
        for name, tensor in inputs.items():
            datum.loss_fn_inputs[name].MergeFrom(type(datum.loss_fn_inputs[name])(**tensor))
    survives(decode_training_request, message.SerializeToString(), "application/x-protobuf")


batches = st.fixed_dictionaries(
    {},
    optional={
        "data": raw,
        "offsets": raw | st.just(np.array([0, 8, 8]).tobytes()),
        "dtype": st.integers(0, 5),
        "trailing_shape": shapes,
    },
)
records = st.tuples(st.sampled_from([0, 1, 2, 2**62]), st.dictionaries(st.sampled_from("ab"), batches))


@settings(fuzz, max_examples=200)
@given(st.lists(records, max_size=2))
def test_stored_results_of_wrong_parts(records: list[tuple[int, dict[str, dict[str, Any]]]]) -> None:
    message = messages().ForwardBackwardOutput()
    for datums, fields in records:
        record = message.loss_fn_outputs.add(num_datums=datums)
        for name, batch in fields.items():
            record.fields[name].MergeFrom(type(record.fields[name])(**batch))
    survives(forward_backward_json, message.SerializeToString())


tables = st.fixed_dictionaries(
    {},
    optional={
        "token_ids": raw,
        "logprobs": raw,
        "k": st.integers(0, 2),
        "length": st.sampled_from([0, 1, 2, 2**32 - 1]),
    },
)


@settings(fuzz, max_examples=200)
@given(tables, tables, tensors, raw, raw)
def test_stored_samples_of_wrong_parts(
    prompt: dict[str, Any], sampled: dict[str, Any], tensor: dict[str, Any], tokens: bytes, logprobs: bytes
) -> None:
    sequence = {"tokens": tokens, "logprobs": logprobs, "topk_sampled_logprobs": sampled}
    message = messages().SampleResponse(
        sequences=[sequence], prompt_logprobs=logprobs, topk_prompt_logprobs=prompt, target_prompt_logprobs=tensor
    )
    survives(sample_json, message.SerializeToString())


@settings(fuzz, max_examples=120)
@given(st.integers(0, 10**6), anything, st.sampled_from([path for path in REQUESTS if path.suffix == ".json"]))
def test_json_requests_with_any_value_anywhere(choice: int, value: Any, path: Path) -> None:
    request = json.loads(path.read_text())
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            places.append((node, key))
            visit(node[key])

    visit(request)
    container, key = places[choice % len(places)]
    container[key] = value
    survives(decode_training_request, json.dumps(request).encode(), "application/json")


media = st.fixed_dictionaries(
    {"type": st.sampled_from([None, "encoded_text", "image", "image_asset_pointer", "dmel"]) | anything},
    optional={
        name: st.sampled_from(["AQIF", "png"]) | anything
        for name in ("tokens", "data", "format", "expected_tokens", "location", "dmel")
    },
)


@settings(fuzz, max_examples=120)
@given(st.lists(media | anything, max_size=3) | anything)
def test_prompts_of_any_value(prompt: Any) -> None:
    survives(prompt_ids, prompt)


parts = st.lists(st.integers(-1, 4), max_size=4) | anything
targets = st.fixed_dictionaries(
    {"data": parts, "dtype": st.sampled_from(["int64", "float32"]) | anything},
    optional=dict.fromkeys(("shape", "sparse_crow_indices", "sparse_col_indices"), parts),
)


@settings(fuzz, max_examples=120)
@given(targets | anything, st.integers(0, 4))
def test_target_ids_of_any_value(tensor: Any, positions: int) -> None:
    survives(target_prompt_ids, tensor, positions)


def test_the_fuzzer_would_notice_another_error() -> None:
    with pytest.raises(ZeroDivisionError):
        survives(lambda: 1 // 0)
