"""Each check of clients catches what it is there for, and nothing that is like it and right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts.observer.made import (
    KEY,
    PROTOBUF,
    RUN,
    SAVED,
    SAVED_URL,
    asked,
    breaks,
    got,
    judged,
    must_catch,
    poll,
    sample,
    step,
    stepped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.exchange import Exchange

SIGNED = "training_runs/x/download?signature=abc&expires=1"
RETRY = {"x-idempotency-key": "same"}
SLOW_DOWN = {"retry-after": "2"}
FINISH = asked("sessions/s/finish", {"reason": {"type": "success"}, "detail": None}, status=204)
DELETE = asked(SAVED_URL, method="DELETE", status=204)
UNLOAD = asked("unload_model", {"model_id": RUN}, {"request_id": "u"})
MAKE = {"session_id": "s", "model_seq_id": 0, "base_model": "m"}
BEAT = {"session_id": "s", "type": "session_heartbeat"}
TARGET = {"type": "sampling_session", "sampling_session_id": "s:sample:0"}


def beat(**more: float) -> Exchange:
    return asked("session_heartbeat", BEAT, {"type": "session_heartbeat"}, **more)  # type: ignore[arg-type]


def feed(before: int, cursor: int) -> Exchange:
    return asked("retrieve_futures", {"target": TARGET, "prev_cursor": before}, {"completions": [], "cursor": cursor})


def attempt(count: int, **more: Any) -> Exchange:
    return step(1, sent={**RETRY, "x-stainless-retry-count": str(count)}, **more)


EXAMPLES = [
    breaks(
        "key-on-every-call", [step(1, sent={"x-api-key": None})], [step(1), got("healthz", sent={"x-api-key": None})]
    ),
    breaks(
        "key-has-its-form", [step(1, sent={"x-api-key": "sk-1"})], [step(1), step(2, sent={"x-api-key": "eyJ.e.s"})]
    ),
    breaks("key-only-in-its-header", [step(1, sent={"authorization": f"Bearer {KEY}"})], [step(1)]),
    breaks("no-key-to-signed-url", [got(SIGNED)], [got(SIGNED, sent={"x-api-key": None})]),
    breaks("operation-is-documented", [got("heartbeats")], [got("sessions")]),
    breaks(
        "request-fits-schema",
        [asked("get_info", {"model": RUN}, status=422)],
        [asked("get_info", {"model_id": RUN, "type": "get_info"})],
    ),
    breaks(
        "request-media-type",
        [asked("optim_step", b"{model_id: 1}", status=400)],
        [step(1), asked("forward_backward", b"\x0a\x01s\x10\x01", sent={"content-type": PROTOBUF})],
    ),
    breaks(
        "tinker-paths-have-three-parts",
        [asked("weights_info", {"tinker_path": f"tinker://{RUN}/checkpoints/a"}, status=400)],
        [asked("weights_info", {"tinker_path": SAVED})],
    ),
    breaks("seq-id-in-range", [step(0)], [step(1), sample(0)]),
    breaks("seq-id-not-reused", [step(1, 0.1), step(1, 0.2)], [step(1, 0.1), step(1, 0.1), step(2, 0.2)]),
    breaks(
        "seq-id-not-behind-a-result",
        [step(2), stepped(2), step(1)],
        # Chunks of one batch: the first is sent last, while the others are polled.
        [step(2), step(3), poll("r2", {"type": "try_again"}), step(1), stepped(2), step(4)],
    ),
    breaks("lost-step-is-repeated", [step(1, status=0), step(2)], [step(1, status=0), step(1), step(2)]),
    breaks("lost-sample-is-repeated", [sample(0, status=503), sample(1)], [sample(0, status=503), sample(0)]),
    breaks("idempotency-key-is-there", [step(1, sent={"x-idempotency-key": None})], [step(1)]),
    breaks(
        "retry-keeps-its-key",
        [step(1, status=503), step(1, sent={"x-stainless-retry-count": "1"})],
        [attempt(0, status=503), attempt(1)],
    ),
    breaks("new-call-new-key", [step(1, sent=RETRY), step(2, sent=RETRY)], [step(1, sent=RETRY), step(1, sent=RETRY)]),
    breaks("retry-count-rises", [attempt(0, status=503), attempt(0)], [attempt(0, status=503), attempt(1)]),
    breaks(
        "retry-after-is-kept",
        [attempt(0, status=429, named=SLOW_DOWN, at=10), attempt(1, at=11)],
        [attempt(0, status=429, named=SLOW_DOWN, at=10), attempt(1, at=12.1)],
    ),
    breaks(
        "retries-back-off",
        [attempt(0, status=503, at=10), attempt(1, at=10.15)],
        [attempt(0, status=503, at=10), attempt(1, at=10.6)],
    ),
    breaks("retries-end", [step(1, status=503)] * 101, [step(1, status=503)] * 3),
    breaks("conflict-is-no-loop", [step(1, status=409)] * 62, [step(1, status=409)] * 3),
    breaks(
        "no-hot-polling",
        [poll("r1", {"type": "try_again"}, at=1 + 0.01 * n, took=0.01) for n in range(21)],
        [poll("r1", {"type": "try_again"}, at=1 + 0.1 * n, took=0.1) for n in range(21)],
    ),
    breaks(
        "metadata-is-followed-by-payload",
        [poll("r1", {"status": "complete_metadata"}), poll("r1", {"status": "complete_metadata"})],
        [poll("r1", {"status": "complete_metadata"}), poll("r1", {"type": "x"}, metadata=False)],
    ),
    breaks("expired-is-not-polled", [poll("r1", status=410), poll("r1", status=410)], [poll("r1", status=410)]),
    breaks("cursor-was-told", [feed(0, 3), feed(7, 7)], [feed(0, 3), feed(3, 5)]),
    breaks(
        "deleted-is-not-used",
        [DELETE, asked("create_sampling_session", {"session_id": "s", "model_path": SAVED}, status=404)],
        [asked("create_sampling_session", {"session_id": "s", "model_path": SAVED}), DELETE],
    ),
    breaks("unloaded-is-not-used", [UNLOAD, step(1, status=404)], [step(1), UNLOAD]),
    breaks("finished-is-not-used", [FINISH, asked("create_model", MAKE)], [asked("create_model", MAKE), FINISH]),
    breaks("heartbeat-stops-at-410", [asked("session_heartbeat", BEAT, status=410), beat()], [beat(at=1), beat(at=11)]),
    breaks("heartbeat-cadence", [beat(at=1), beat(at=1.1)], [beat(at=1), beat(at=11)]),
]


@pytest.mark.parametrize(("check", "bad", "good"), EXAMPLES)
def test_a_check_of_clients_catches_its_example(check: str, bad: Sequence[Exchange], good: Sequence[Exchange]) -> None:
    must_catch(check, bad, good)


@pytest.mark.breaks("refusal-is-accepted")
def test_a_refusal_is_not_repeated_under_one_key_unless_the_server_says_so() -> None:
    def failures(named: dict[str, str]) -> list[str]:
        refused = step(1, answer={"detail": "no"}, status=400, sent=RETRY, named=named)
        found = judged([refused, step(1, sent=RETRY)])
        return [finding.evidence for finding in found if finding.check == "refusal-is-accepted" and not finding.passed]

    assert failures({}) == ["the same request again after 400"]
    assert failures({"x-should-retry": "true"}) == []
