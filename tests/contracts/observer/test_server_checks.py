"""Each check of servers catches what it is there for, and nothing that is like it and right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from contracts.observer import Observer
from contracts.proto import message_class
from tests.contracts.observer.made import (
    KEY,
    PROTOBUF,
    RUN,
    SAVED,
    SAVED_URL,
    asked,
    breaks,
    got,
    must_catch,
    poll,
    sample,
    step,
    stepped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.exchange import Exchange

TRY_AGAIN = {"type": "try_again", "request_id": "r1", "queue_state": "active"}
FAILED = {"error": "no", "category": "user"}
DELETE = asked(SAVED_URL, method="DELETE", status=204)
MAKE = {"session_id": "s", "model_seq_id": 0, "base_model": "m"}
BEAM = {"x-stainless-runtime": "BEAM"}
TARGET = {"type": "sampling_session", "sampling_session_id": "s:sample:0"}
CHECKPOINT = {"checkpoint_id": "weights/a", "checkpoint_type": "training", "tinker_path": SAVED}


def made(answer: dict[str, Any]) -> Exchange:
    return asked("create_model", MAKE, {"request_id": "m", "model_id": RUN} | answer)


def session(session_id: str) -> Exchange:
    return asked("create_session", {"tags": [], "user_metadata": {}}, {"session_id": session_id})


def batch(result: Any) -> list[Exchange]:
    """A batch of two data, and its result: JSON, or protobuf."""
    protobuf = isinstance(result, bytes)
    sent = message_class("ForwardBackwardRequest")(model_id=RUN, seq_id=1, loss_fn="cross_entropy")
    for _ in range(2):
        sent.data.add()
    named = {"content-type": PROTOBUF if protobuf else "application/json"}
    return [
        asked("forward_backward", sent.SerializeToString(), {"request_id": "b"}, sent={"content-type": PROTOBUF}),
        poll("b", result, named=named, sent={"accept": PROTOBUF}),
    ]


def output(*, metrics: Sequence[str] = ("loss:sum",), data: int = 2) -> bytes:
    told = message_class("ForwardBackwardOutput")(loss_fn_output_type="ArrayRecord")
    told.loss_fn_outputs.add(num_datums=data)
    for name in metrics:
        told.metrics[name] = 1.0
    content: bytes = told.SerializeToString()
    return content


def sampled(sequences: Sequence[tuple[int, int]]) -> list[Exchange]:
    """A sample of two, and its sequences as numbers of tokens and of log-probabilities."""
    told = message_class("SampleResponse")()
    for tokens, logprobs in sequences:
        told.sequences.add(tokens=bytes(4 * tokens), logprobs=bytes(4 * logprobs))
    accepted = {"content-type": PROTOBUF}
    return [sample(0, 2), poll("a0", told.SerializeToString(), named=accepted, sent={"accept": PROTOBUF})]


def saved(operation: str, result: dict[str, Any], **body: Any) -> list[Exchange]:
    """A save, and its result."""
    return [asked(operation, {"model_id": RUN, "seq_id": 1, **body}, {"request_id": "w"}), poll("w", result)]


def loaded(model_id: str) -> list[Exchange]:
    body = {"session_id": "s", "model_seq_id": 0, "path": SAVED, "optimizer": False}
    return [asked("load_weights", body, {"request_id": "l"}), poll("l", {"model_id": model_id})]


def feed(completions: list[dict[str, Any]], cursor: int) -> Exchange:
    said = {"completions": completions, "cursor": cursor}
    return asked("retrieve_futures", {"target": TARGET, "prev_cursor": 3}, said)


def page(items: int, **cursor: Any) -> Exchange:
    checkpoints = [{**CHECKPOINT, "tinker_path": f"{SAVED}{n}"} for n in range(items)]
    said = {"offset": 0, "limit": 2, "total_count": 9} | cursor
    return got("checkpoints?offset=0&limit=2", {"checkpoints": checkpoints, "cursor": said})


def listed(kind: str, version: str) -> Exchange:
    said = {"checkpoints": [{**CHECKPOINT, "checkpoint_type": kind}]}
    return got("checkpoints", said, sent={"user-agent": f"AsyncTinker/Python {version}"})


def urls(given: dict[str, str]) -> Exchange:
    return got(f"{SAVED_URL}/external_weights_urls", {"urls": given, "expires": "2026-01-01T00:00:00Z"})


EXAMPLES = [
    breaks("status-is-documented", [got("healthz", status=418)], [got("healthz", {"status": "ok"})]),
    breaks("answer-fits-schema", [got("healthz", {"state": 1})], [got("healthz", {"status": "ok"})]),
    breaks("answer-media-type", [got("healthz", b"<html>")], [got("healthz", {"status": "ok"})]),
    breaks("json-is-strict", [got("sessions", b'{"x": NaN}')], [got("sessions", {"x": "NaN"})]),
    breaks("answer-tells-no-key", [got("sessions", {"sessions": [KEY]})], [got("sessions", {"sessions": []})]),
    breaks("answers-promptly", [step(1, took=6)], [step(1), stepped(1, took=20)]),
    breaks("error-has-a-body", [step(1, answer=b"", status=400)], [step(1, answer={"detail": "no"}, status=400)]),
    breaks("error-is-an-object", [step(1, answer=["no"], status=400)], [step(1, answer={"detail": "no"}, status=400)]),
    breaks(
        "error-says-what",
        [step(1, answer={"error": "no"}, status=400)],
        [step(1, answer={"detail": "no", "message": "no"}, status=400)],
    ),
    breaks("no-internal-error", [step(1, status=501)], [step(1, status=503)]),
    breaks("no-silent-pause", [step(1, status=402)], [step(1, status=429)]),
    breaks("conflict-is-real", [step(1, status=409)], [step(1), step(1, 0.2, status=409)]),
    breaks(
        "times-have-zones",
        [got("sessions/s", {"created_at": "2026-01-01T00:00:00"})],
        [got("sessions/s", {"created_at": "2026-01-01T00:00:00.5+01:00"})],
    ),
    breaks(
        "metadata-is-text",
        [got("sessions/s", {"user_metadata": {"a": 1}})],
        [got("sessions/s", {"user_metadata": {"a": "1"}})],
    ),
    breaks("session-ids-differ", [session("s"), session("s")], [session("s"), session("t")]),
    breaks("ids-fit-paths", [session("a/b")], [session("a-b")]),
    breaks("creation-names-the-model", [made({"model_id": None})], [made({})]),
    breaks("model-id-is-foretold", [made({"model_id": "run-7"})], [made({})]),
    breaks("submission-has-a-request-id", [step(1, answer={})], [step(1)]),
    breaks(
        "sequence-ids-match", [sample(0, 2, {"request_id": "a", "sample_sequence_ids": ["q", "q"]})], [sample(0, 2)]
    ),
    breaks(
        "telemetry-is-accepted",
        [asked("telemetry", {"events": []}, {})],
        [asked("telemetry", {"events": []}, {"status": "accepted"})],
    ),
    breaks("same-number-same-answer", [step(1), step(1, request_id="other")], [step(1), step(1)]),
    breaks("number-stands-for-one-thing", [step(1), step(1, 0.2)], [step(1), step(1, 0.2, status=409)]),
    breaks(
        "conflict-is-real",
        [asked("create_custom_loss", {"session_id": "s", "custom_loss_seq_id": 0.5}, {}, status=409)],
        [
            asked("create_custom_loss", {"session_id": "s", "custom_loss_seq_id": 0.0}, {"request_id": "r"}),
            asked("create_custom_loss", {"session_id": "s", "custom_loss_seq_id": 0, "name": "b"}, {}, status=409),
        ],
    ),
    breaks(
        "conflict-is-real",
        [step(1, status=409)],
        [step(1, status=400), step(1, 0.2), step(1, status=409)],
    ),
    breaks(
        "conflict-is-real",
        [asked("copy_weights", {"source_path": SAVED}, {}, status=409, sent={"x-idempotency-key": "k"})],
        [
            asked("copy_weights", {"source_path": SAVED}, {"tinker_path": SAVED}, sent={"x-idempotency-key": "k"}),
            asked("copy_weights", {"source_path": f"{SAVED}2"}, {}, status=409, sent={"x-idempotency-key": "k"}),
        ],
    ),
    breaks(
        "conflict-is-real",
        [asked("create_custom_loss", {"session_id": "s", "custom_loss_seq_id": 0, "name": "a"}, {}, status=409)],
        [
            asked("create_custom_loss", {"session_id": "s", "custom_loss_seq_id": 0, "name": "a"}, {"request_id": "r"}),
            asked("create_custom_loss", {"session_id": "s", "custom_loss_seq_id": 0, "name": "b"}, {}, status=409),
        ],
    ),
    breaks("request-ids-differ", [step(1), step(2, request_id="r1")], [step(1), step(2)]),
    breaks("one-outcome", [step(1), stepped(1), poll("r1", FAILED)], [step(1), stepped(1), stepped(1)]),
    breaks(
        "result-never-changes",
        [stepped(1), poll("r1", {"metrics": {"x": 1}, "type": "optim_step"})],
        [stepped(1), stepped(1)],
    ),
    breaks(
        "final-stays-final", [stepped(1), poll("r1", TRY_AGAIN)], [stepped(1), poll("r1", TRY_AGAIN, at=1), stepped(1)]
    ),
    breaks("not-ready-has-waited", [poll("r1", TRY_AGAIN)], [poll("r1", TRY_AGAIN, status=408, took=30)]),
    breaks("poll-ends-in-time", [stepped(1, took=50)], [stepped(1, took=30)]),
    breaks(
        "poll-answer-has-a-form", [step(1), poll("r1", {"status": "completed", "result": {}})], [step(1), stepped(1)]
    ),
    breaks("result-says-its-type", [poll("r1", {"metrics": {}})], [stepped(1)]),
    breaks("try-again-says-queue-state", [poll("r1", TRY_AGAIN | {"queue_state": "waiting"})], [poll("r1", TRY_AGAIN)]),
    breaks("tensors-are-protobuf", batch({"metrics": {}, "type": "x"}), batch(output())),
    breaks(
        "failures-are-json",
        [poll("r1", b"x", status=410, named={"content-type": PROTOBUF})],
        [poll("r1", {"detail": "gone"}, status=410)],
    ),
    breaks(
        "metadata-only-when-allowed",
        [poll("r1", {"status": "complete_metadata"}, metadata=False)],
        [poll("r1", {"status": "complete_metadata"})],
    ),
    breaks("failure-names-category", [poll("r1", {"error": "no", "category": "USER"})], [poll("r1", FAILED)]),
    breaks(
        "failure-fits-beam",
        [poll("r1", FAILED, sent=BEAM)],
        [poll("r1", {"status": "failed", "error": {"message": "no", "category": "user"}}, sent=BEAM)],
    ),
    breaks("cursor-advances", [feed([{"state": "finished", "request_id": "a"}], 3)], [feed([], 3), feed([{}], 4)]),
    breaks(
        "completions-are-true",
        [poll("a", FAILED), feed([{"state": "finished", "request_id": "a"}], 4)],
        [poll("a", FAILED), feed([{"state": "failed", "request_id": "a"}], 4)],
    ),
    breaks("metric-keys-have-one-colon", batch(output(metrics=["loss"])), batch(output())),
    breaks("metric-reductions-are-known", batch(output(metrics=["loss:median"])), batch(output())),
    breaks("one-output-a-datum", batch(output(data=1)), batch(output(data=2))),
    breaks("as-many-sequences-as-asked", sampled([(3, 3)]), sampled([(3, 3), (1, 1)])),
    breaks("logprobs-fit-tokens", sampled([(3, 2), (1, 1)]), sampled([(3, 3), (1, 0)])),
    breaks("no-more-than-max-tokens", sampled([(4, 4), (1, 1)]), sampled([(3, 3), (1, 1)])),
    breaks(
        "saved-path-has-its-form",
        saved("save_weights", {"path": f"{RUN}/a"}, path="a"),
        saved("save_weights", {"path": SAVED}, path="a"),
    ),
    breaks(
        "unnamed-save-makes-a-sampler",
        saved("save_weights_for_sampler", {"path": SAVED}, sampling_session_seq_id=0),
        saved("save_weights_for_sampler", {"sampling_session_id": "s:sample:0"}, sampling_session_seq_id=0),
    ),
    breaks("created-run-is-foretold", loaded("another"), loaded(RUN)),
    breaks("cursor-is-consistent", [page(3)], [page(2), page(1, offset=0)]),
    breaks("deleted-is-gone", [DELETE, got("checkpoints", {"checkpoints": [CHECKPOINT]})], [DELETE, page(1)]),
    breaks("old-clients-see-no-external", [listed("external", "0.26.2")], [listed("training", "0.26.2")]),
    breaks(
        "redirect-says-where-and-until",
        [got(f"{SAVED_URL}/archive", status=302, named={"location": "/x"})],
        [got(f"{SAVED_URL}/archive", status=302, named={"location": "http://h/x", "expires": "soon"})],
    ),
    breaks("external-urls-are-absolute", [urls({})], [urls({"a/b.json": "https://h/x"})]),
]


@pytest.mark.parametrize(("check", "bad", "good"), EXAMPLES)
def test_a_check_of_servers_catches_its_example(check: str, bad: Sequence[Exchange], good: Sequence[Exchange]) -> None:
    must_catch(check, bad, good)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"type": "sample", "sequences": 5},
        {"type": "sample", "sequences": [5]},
        {"type": "sample", "sequences": [{"tokens": 5, "logprobs": 5}]},
        {"loss_fn_output_type": "x", "metrics": {"loss:sum": 1}, "loss_fn_outputs": 5},
        {"loss_fn_output_type": "x", "metrics": 5},
        b"\x0a\xff\x01",
        b"\x1a\x03\x0a\xff\x01",
        b"\x12\x03\x0a\xff\x01",
    ],
)
@pytest.mark.parametrize("operation", ["asample", "forward_backward"])
def test_a_spoilt_result_is_judged_without_stumbling(operation: str, spoilt: Any) -> None:
    body = {"model_id": RUN, "seq_id": 1, "forward_backward_input": {"data": []}}
    if operation == "asample":
        body = {
            "sampling_session_id": "s:sample:0",
            "seq_id": 0,
            "num_samples": 1,
            "sampling_params": {"max_tokens": 1},
        }
    named = {"content-type": PROTOBUF} if isinstance(spoilt, bytes) else {}
    observer = Observer()
    observer.see(asked(operation, body, {"request_id": "r1"}))
    found = {finding.check for finding in observer.see(poll("r1", spoilt, named=named)) if not finding.passed}
    # Deeper within, it takes the schema to tell.
    assert ("answer-media-type" in found) is (spoilt == b"\x0a\xff\x01")
