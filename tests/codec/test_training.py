"""Training requests of every client become the same values."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tinker import types
from tinker.proto import tinker_public_pb2 as sdk
from tinker.proto.request_conv import forward_backward_request_to_proto
from tinker.types.provenance_spans import PromptProvenanceSpan, SampledProvenanceSpan

from mock_server.codec import Malformed, TrainingHeader, TrainingRequest, decode_header, decode_training_request

BODIES = Path(__file__).parent / "bodies"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
EXAMPLES = [([1, 2, 3, 4], [2, 3, 4, 5], [0.0, 1.0, 1.0, 1.0]), ([9, 8], [8, 7], [1.0, 1.0])]


def recorded(name: str) -> tuple[bytes, str]:
    return (BODIES / name).read_bytes(), PROTOBUF if name.endswith(".pb") else JSON


def lists(inputs: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    return {name: array.tolist() for name, array in inputs.items()}


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("sdk-0.38.0-forward.pb", TrainingHeader("sess-1:train:0", 1, forward_only=True)),
        ("sdk-0.38.0-forward_backward.pb", TrainingHeader("sess-1:train:0", 2, forward_only=False)),
        ("sdk-0.22.0-forward.json", TrainingHeader("sess-7:train:0", 1, forward_only=True)),
        ("sdk-0.3.0-forward_backward.json", TrainingHeader("sess-12:train:0", 2, forward_only=False)),
    ],
)
def test_recorded_requests_of_all_ages_say_the_same(name: str, header: TrainingHeader) -> None:
    assert decode_header(*recorded(name)) == header
    request = decode_training_request(*recorded(name))
    assert (request.model_id, request.seq_id, request.forward_only) == header
    assert request.loss_fn == "cross_entropy"
    assert request.loss_fn_config == {}
    for datum, (tokens, targets, weights) in zip(request.data, EXAMPLES, strict=True):
        assert datum.tokens.tolist() == tokens
        assert datum.tokens.dtype == np.int64
        assert lists(datum.inputs) == {"target_tokens": targets, "weights": weights}
        assert {name: array.dtype for name, array in datum.inputs.items()} == {
            "target_tokens": np.int64,
            "weights": np.float32,
        }


def test_recorded_loss_configuration_keeps_numbers_and_texts() -> None:
    request = decode_training_request(*recorded("sdk-0.22.0-forward_backward-ppo.json"))
    assert request.loss_fn == "ppo"
    assert request.loss_fn_config == {"clip_low_threshold": 0.8, "mode": "text"}
    assert lists(request.data[0].inputs) == {
        "target_tokens": [2, 3],
        "logprobs": [-1.0, -1.0],
        "advantages": [1.0, 1.0],
    }


def test_a_recorded_request_of_tinkex_is_read() -> None:
    request = decode_training_request(*recorded("tinkex-0.4.0-forward.json"))
    assert request.forward_only
    assert [lists(datum.inputs)["target_tokens"] for datum in request.data] == [[2, 3, 1], [2, 3, 2], [2, 3, 3]]


# ---- What the SDK can express, as protobuf ----


def sent(*data: types.Datum, config: dict[str, float | str] | None = None) -> sdk.ForwardBackwardRequest:
    inputs = types.ForwardBackwardInput(data=list(data), loss_fn="ppo", loss_fn_config=config)
    return forward_backward_request_to_proto(
        types.ForwardBackwardRequest(forward_backward_input=inputs, model_id="s:train:0", seq_id=3)
    )


def received(message: sdk.ForwardBackwardRequest) -> TrainingRequest:
    return decode_training_request(message.SerializeToString(), PROTOBUF)


def datum(length: int = 3, target_tokens: types.TensorData | None = None) -> types.Datum:
    return types.Datum(
        model_input=types.ModelInput.from_ints(list(range(length))),
        loss_fn_inputs={
            "target_tokens": target_tokens or types.TensorData.from_numpy(np.arange(length)),
            "weights": types.TensorData.from_numpy(np.ones(length, np.float32)),
        },
    )


def test_the_sdks_loss_configuration_arrives() -> None:
    config: dict[str, float | str] = {"clip_low_threshold": 0.5, "stage": "policy"}
    assert received(sent(datum(), config=config)).loss_fn_config == config
    assert received(sent(datum())).loss_fn_config == {}


def test_loss_configuration_of_sdks_before_version_2_of_the_map_arrives() -> None:
    message = sent(datum())
    message.loss_fn_config["beta"] = 0.25
    assert received(message).loss_fn_config == {"beta": 0.25}


def test_sparse_targets_and_weights_arrive_dense() -> None:
    sparse = types.TensorData(
        data=[4, 5], dtype="int64", shape=[2, 6], sparse_crow_indices=[0, 1, 2], sparse_col_indices=[3, 5]
    )
    targets = received(sent(datum(2, target_tokens=sparse))).data[0].inputs["target_tokens"]
    assert targets.tolist() == [[0, 0, 0, 4, 0, 0], [0, 0, 0, 0, 0, 5]]


def test_images_take_their_place_among_the_tokens() -> None:
    picture = types.ImageChunk(data=b"pixels", format="jpeg", expected_tokens=3)
    text = types.EncodedTextChunk(tokens=[5, 6])
    example = types.Datum(model_input=types.ModelInput(chunks=[text, picture, text]), loss_fn_inputs={})
    tokens = received(sent(example)).data[0].tokens.tolist()
    assert [tokens[i] for i in (0, 1, 5, 6)] == [5, 6, 5, 6]
    assert len(tokens) == example.model_input.length


def test_a_number_the_client_did_not_send_is_none() -> None:
    message = sent(datum())
    message.seq_id = 0
    assert decode_header(message.SerializeToString(), PROTOBUF).seq_id is None
    assert decode_header(legacy(seq_id=None), JSON).seq_id is None


def spanned(model_input: list[Any], rows: list[Any]) -> sdk.ForwardBackwardRequest:
    """A datum of three tokens with spans the SDK itself would not let pass."""
    from tinker.proto.request_conv import _write_provenance_span

    message = sent(datum())
    for span in model_input:
        _write_provenance_span(message.data[0].model_input_spans.add(), span)
    for span in rows:
        _write_provenance_span(message.data[0].loss_fn_input_spans.add(), span)
    return message


PROMPT = PromptProvenanceSpan(sequence_id="seq-1", length=1)
SAMPLED = SampledProvenanceSpan(sequence_id="seq-1", length=2)


def test_provenance_that_tiles_both_fields_is_accepted() -> None:
    message = sent(datum().with_provenance([PROMPT, SAMPLED], [SAMPLED, PROMPT]))
    assert received(message).data[0].tokens.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("model_input", "rows", "complaint"),
    [
        ([PROMPT], [PROMPT, SAMPLED], r"data\[0\].model_input_spans covers 1 of 3 positions"),
        ([PROMPT, SAMPLED], [], r"data\[0\].loss_fn_input_spans covers 0 of 3 positions"),
        ([SAMPLED, SAMPLED], [PROMPT, SAMPLED], r"data\[0\].model_input_spans covers 4 of 3 positions"),
    ],
)
def test_provenance_that_does_not_tile_is_refused(model_input: list[Any], rows: list[Any], complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        received(spanned(model_input, rows))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (sdk.ProvenanceSpan(), r"data\[0\].model_input_spans\[0\] is empty"),
        (
            sdk.ProvenanceSpan(prompt_tokens=sdk.PromptProvenanceSpan(length=3)),
            r"data\[0\].model_input_spans\[0\].sequence_id is empty",
        ),
        (
            sdk.ProvenanceSpan(sampled_tokens=sdk.SampledProvenanceSpan(sequence_id="s", length=3, offset=-1)),
            r"data\[0\].model_input_spans\[0\] has offset -1 and length 3",
        ),
    ],
)
def test_a_malformed_span_is_named(change: sdk.ProvenanceSpan, complaint: str) -> None:
    message = spanned([], [PROMPT, SAMPLED])
    message.data[0].model_input_spans.append(change)
    with pytest.raises(Malformed, match=complaint):
        received(message)


def test_the_first_wrong_field_is_named_by_its_path() -> None:
    message = sent(datum(), datum(), datum())
    message.data[2].loss_fn_inputs["weights"].dense = bytes(6)
    with pytest.raises(Malformed, match=r"^data\[2\]\.loss_fn_inputs\.weights has 6 bytes: send 4 "):
        received(message)
    message.data[1].model_input[0].encoded_text.tokens = bytes(7)
    with pytest.raises(Malformed, match=r"^data\[1\]\.model_input\[0\]\.tokens has 7 bytes: send 4 "):
        received(message)


def test_sparse_tensors_of_many_datums_share_one_allowance() -> None:
    wide = types.TensorData(
        data=[1], dtype="int64", shape=[1, 2**23], sparse_crow_indices=[0, 1], sparse_col_indices=[0]
    )
    assert len(received(sent(*[datum(1, target_tokens=wide)] * 2)).data) == 2
    with pytest.raises(Malformed, match=r"data\[2\].loss_fn_inputs.target_tokens expands to 8388608 elements"):
        received(sent(*[datum(1, target_tokens=wide)] * 3))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model_id": ""}, "model_id is ''"),
        ({"seq_id": -4}, "seq_id is -4: number the operations of a model 1, 2, 3"),
        ({"loss_fn": ""}, "loss_fn is ''"),
        ({"loss_fn_config_v2": {"x": sdk.LossConfigValue()}}, "loss_fn_config_v2.x is empty"),
        ({"data": [sdk.Datum(model_input=[sdk.Chunk()])]}, r"data\[0\].model_input\[0\] is empty"),
    ],
)
def test_an_incomplete_protobuf_request_is_refused(change: dict[str, Any], complaint: str) -> None:
    parts: dict[str, Any] = {"model_id": "m", "seq_id": 1, "loss_fn": "ppo", **change}
    with pytest.raises(Malformed, match=complaint):
        received(sdk.ForwardBackwardRequest(**parts))


def test_a_body_that_is_no_protobuf_is_refused() -> None:
    for decode in (decode_header, decode_training_request):
        with pytest.raises(Malformed, match=r"body of 2 bytes is no ForwardBackwardRequest"):
            decode(b"{}", PROTOBUF)


# ---- What clients of JSON can get wrong ----


def legacy(**changes: Any) -> bytes:
    body = json.loads((BODIES / "sdk-0.3.0-forward_backward.json").read_text())
    return json.dumps({**body, **changes}).encode()


def legacy_input(**changes: Any) -> bytes:
    body = json.loads((BODIES / "sdk-0.3.0-forward_backward.json").read_text())
    return json.dumps({**body, "forward_backward_input": {**body["forward_backward_input"], **changes}}).encode()


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (legacy(model_id=None), "model_id is None: send the id that create_model answered"),
        (legacy(model_id=3), "model_id is 3"),
        (legacy(seq_id="2"), "seq_id is '2'"),
        (legacy(seq_id=True), "seq_id is True"),
        (legacy(seq_id=2**31), "seq_id is 2147483648"),
        (legacy(forward_backward_input=None), "body has no input: send forward_backward_input, or forward_input"),
        (legacy(forward_input={}), "body has forward_backward_input and forward_input"),
        (legacy(forward_backward_input=[]), r"forward_backward_input is \[\]"),
        (legacy_input(data=None), "forward_backward_input.data is None"),
        (legacy_input(data=[None]), r"data\[0\] is None: send {model_input: {chunks}, loss_fn_inputs}"),
        (legacy_input(data=[{"model_input": {}}]), r"data\[0\].model_input.chunks is None"),
        (legacy_input(data=[{"model_input": {"chunks": []}, "loss_fn_inputs": 3}]), r"data\[0\].loss_fn_inputs is 3"),
        (
            legacy_input(data=[{"model_input": {"chunks": []}, "loss_fn_inputs": {"weights": {"data": [1]}}}]),
            r"data\[0\].loss_fn_inputs.weights.dtype is None",
        ),
        (legacy_input(loss_fn=None), "forward_backward_input.loss_fn is None"),
        (legacy_input(loss_fn_config=[]), r"forward_backward_input.loss_fn_config is \[\]"),
        (legacy_input(loss_fn_config={"beta": [1]}), r"forward_backward_input.loss_fn_config.beta is \[1\]"),
        (legacy_input(loss_fn_config={"beta": True}), "forward_backward_input.loss_fn_config.beta is True"),
        (legacy_input(loss_fn_config={"beta": 10**400}), "forward_backward_input.loss_fn_config.beta is 1000"),
    ],
)
def test_a_malformed_json_request_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        decode_training_request(body, JSON)


def test_nulls_of_old_clients_mean_left_out() -> None:
    body = legacy_input(data=[{"model_input": {"chunks": []}, "loss_fn_inputs": None}], loss_fn_config={"beta": None})
    request = decode_training_request(body, JSON)
    assert request.data[0].inputs == {}
    assert request.loss_fn_config == {}


def test_an_error_message_stays_short() -> None:
    with pytest.raises(Malformed) as refused:
        decode_training_request(legacy(model_id=["x" * 10_000] * 100), JSON)
    assert len(str(refused.value)) < 400
