from __future__ import annotations

from tinker import types
from tinker.proto import tinker_public_pb2 as pb
from tinker.proto.request_conv import forward_backward_request_to_proto

from benchmarks.sdk_client import datum
from benchmarks.workload import PROMPT_TOKENS, batch_tokens, forward_backward_body, prompt_tokens


def test_raw_http_sends_the_batch_that_the_sdk_sends() -> None:
    request = types.ForwardBackwardRequest(
        forward_backward_input=types.ForwardBackwardInput(
            data=[datum(tokens) for tokens in batch_tokens()], loss_fn="cross_entropy"
        ),
        model_id="session:train:0",
        seq_id=3,
    )
    sent = pb.ForwardBackwardRequest.FromString(forward_backward_body("session:train:0", 3))
    assert sent == forward_backward_request_to_proto(request)


def test_the_prompt_has_the_length_that_the_report_names() -> None:
    assert len(prompt_tokens()) == PROMPT_TOKENS
