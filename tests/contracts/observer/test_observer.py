"""The observer as a whole: it changes nothing when asked, and remembers only so much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from contracts.encoding import LIMIT
from contracts.observer import History, Observer, check
from contracts.observer.described import Described
from contracts.observer.facts import Facts
from contracts.observer.history import REMEMBERED
from contracts.observer.spec import NoSpec
from tests.contracts.observer.made import PROTOBUF, RUN, asked, got, judged, poll, sample, step, stepped

if TYPE_CHECKING:
    from contracts.observer.spec import Spec


def test_judging_changes_neither_history_nor_exchange() -> None:
    history = History()
    history.record(Facts(step(1)), NoSpec())
    findings = [check(step(1, 0.2), history, NoSpec()) for _ in range(2)]
    assert findings[0] == findings[1]
    assert len(history.submissions) == 1


def test_a_check_says_when_it_passed_too() -> None:
    passed = {finding.check for finding in judged([step(1), stepped(1)]) if finding.passed}
    assert {"seq-id-in-range", "poll-answer-has-a-form", "key-on-every-call"} <= passed


def test_tenants_have_nothing_to_do_with_each_other() -> None:
    other = {"x-api-key": "tml-somebody-else"}
    assert [f.check for f in judged([step(1, 0.1), step(1, 0.2, sent=other)]) if not f.passed] == []


def test_a_renewed_token_is_the_same_tenant() -> None:
    # {"sub": "u"} in both, between different heads and signatures.
    tokens = [{"x-api-key": f"eyJ{n}.eyJzdWIiOiAidSJ9.x"} for n in range(2)]
    found = judged([step(1, 0.1, sent=tokens[0]), step(1, 0.2, sent=tokens[1])])
    assert "seq-id-not-reused" in {finding.check for finding in found if not finding.passed}


def test_the_memory_is_bounded_in_entries_and_in_bytes() -> None:
    observer = Observer()
    history = observer._history
    for number in range(1, REMEMBERED + 100):
        observer.see(step(number, sent={"x-idempotency-key": f"k{number}"}, at=number))
    assert len(history.submissions) == len(history.attempts) == REMEMBERED
    long = step(1, run="x" * 100_000, at=REMEMBERED + 101, sent={"x-idempotency-key": "last"})
    observer.see(long)
    kept = history.attempts[next(reversed(history.attempts))].exchange
    assert len(kept.request.body) < 4096
    assert not kept.request.whole


@pytest.mark.parametrize(
    ("spec", "change", "same"),
    [
        (Described(), {"prompt_logprobs": None, "num_samples": 1.0}, True),
        (Described(), {"sampling_params": {"max_tokens": 4}}, False),
        (Described(), {"sampling_params": {"max_tokens": 3, "seed": -1}}, False),
        (NoSpec(), {"num_samples": 1.0}, True),
        (NoSpec(), {"prompt_logprobs": None}, False),
    ],
)
def test_what_a_long_request_meant_is_known_when_its_body_is_not(
    spec: Spec, change: dict[str, Any], *, same: bool
) -> None:
    body = {
        "sampling_session_id": "s:sample:0",
        "seq_id": 0,
        "num_samples": 1,
        "prompt": {"chunks": [{"tokens": list(range(10_000)), "type": "encoded_text"}]},
        "sampling_params": {"max_tokens": 3},
    }
    observer = Observer(spec)
    observer.see(asked("asample", body, {"request_id": "a"}))
    found = observer.see(asked("asample", body | change, {"request_id": "a"}))
    broken = "number-stands-for-one-thing" in {finding.check for finding in found if not finding.passed}
    assert broken is not same


def test_bodies_of_any_kind_are_judged_without_an_error() -> None:
    bodies = [b"", b"null", b"[]", b"7", b"{", b'{"seq_id": "1"}', b'{"model_id": 3, "seq_id": 1}', bytes(range(256))]
    kinds = [None, "application/json", PROTOBUF, "text/html"]
    for operation in (
        "optim_step",
        "forward_backward",
        "asample",
        "retrieve_future",
        "retrieve_futures",
        "copy_weights",
    ):
        for body in bodies:
            for kind in kinds:
                said = {"content-type": kind or ""}
                found = judged([asked(operation, body, body, sent={"content-type": kind}, named=said)] * 2)
                assert found


@pytest.mark.parametrize("depth", [150, 300, 900, 100_000])
def test_json_of_any_depth_is_judged_without_an_error(depth: int) -> None:
    nested = b'{"a": ' * depth + b"1" + b"}" * depth
    body = b'{"model_id": "s:train:0", "seq_id": 1, "request_id": "r", "adam_params": ' + nested + b"}"
    other = body.replace(b"1", b"2")
    assert judged([asked("optim_step", each, each) for each in (body, body, other)])


def test_an_answer_of_no_form_is_named_by_the_checks_of_form_and_stops_no_other() -> None:
    named = {"content-type": PROTOBUF}
    for submitted in (sample(0, 2), asked("forward_backward", {"model_id": RUN, "seq_id": 1}, {"request_id": "a0"})):
        found = judged([submitted, poll("a0", b"{}", named=named, sent={"accept": PROTOBUF})])
        assert "answer-media-type" in {finding.check for finding in found if not finding.passed}
        assert "poll-ends-in-time" in {finding.check for finding in found if finding.passed}


def test_a_zstd_bomb_is_not_unpacked_beyond_the_limit() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(2 * LIMIT))
    facts = Facts(asked("forward_backward", bomb, sent={"content-type": PROTOBUF, "content-encoding": "zstd"}))
    assert len(facts.content) <= LIMIT


def test_a_file_behind_a_signed_url_is_no_answer_of_the_api() -> None:
    told = {"location": "http://host/api/v1/files/a.tar?token=x", "expires": "soon"}
    archive = got("training_runs/r/checkpoints/weights/a/archive", {"url": "x"}, status=302, named=told)
    file = got("files/a.tar?token=x", b"\0tar", sent={"x-api-key": None}, named={"content-type": "application/x-tar"})
    failed = {f.check for f in judged([archive, file]) if not f.passed and f.exchanges[-1].number == 2}
    assert failed == set()
    assert {f.check for f in judged([file]) if not f.passed} >= {"key-on-every-call", "answer-media-type"}
